"""The command `torc-mcp-server`: options, settings, and serving over stdio or HTTP."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from torc_core import __version__
from torc_core.errors import TorcError

if TYPE_CHECKING:
    from torc_mcp.settings import McpSettings

_USAGE_ERROR: Final = 2
_INTERRUPTED: Final = 130
_PATIENCE_S: Final = 5.0
"""How long a call waits for a Torc server that is being restarted."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until stdin ends, or until the process is stopped."""
    options = _parser().parse_args(arguments)
    gc.disable()  # collecting takes a fifth of the start, and agents wait for the start
    try:
        _serve(options)
    except TorcError as error:
        hint = f" ({error.hint})" if error.hint else ""
        sys.stderr.write(f"torc-mcp-server: {error.message}{hint}\n")
        sys.exit(_USAGE_ERROR)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="torc-mcp-server",
        description="MCP server of Torc: lets AI agents look at workflows, find out why jobs failed, and decide about "
        "them. Agents start it themselves (transport stdio).",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--url", "--api-url", dest="url", help="the Torc server's address (TORC_API_URL, http://localhost:8080/…)"
    )
    parser.add_argument("--password", help="its password (better TORC_PASSWORD: arguments can be seen by others)")
    parser.add_argument("--tls-ca-cert", type=Path, help="who signed its certificate, in PEM (TORC_TLS_CA_CERT)")
    parser.add_argument("--output-dir", help="where runners write logs, if reachable from here (TORC_OUTPUT_DIR)")
    parser.add_argument("--log-level", choices=("error", "warning", "info", "debug"), help="of the log on stderr")
    may = parser.add_argument_group("what agents may do")
    may.add_argument("--read-only", action="store_true", help="offer no tool that changes anything; beats all others")
    may.add_argument(
        "--proposals-only", action="store_true", help="agents propose what to do with failures; a person approves"
    )
    may.add_argument("--toolsets", metavar="LIST", help="some of core,recovery,authoring, or triage; all when left out")
    may.add_argument(
        "--workflow",
        metavar="ID",
        type=_id,
        action="append",
        dest="workflows",
        help="refuse all workflows but this one (may be given several times)",
    )
    may.add_argument("--max-ai-retries", type=_count, metavar="N", help="how often agents may send one job back")
    may.add_argument("--max-memory", metavar="SIZE", help="the most memory a job may be given, for example 64g")
    may.add_argument("--max-runtime", metavar="TIME", help="the most runtime a job may be given, for example PT12H")
    may.add_argument(
        "--preview-above",
        metavar="JOBS",
        help="decisions about more jobs than this must be previewed, and applied by the id of the preview "
        "(100; 0 for all, never)",
    )
    may.add_argument(
        "--no-asking",
        action="store_true",
        help="do not ask the person before decisions are applied (for unattended use)",
    )
    parser.add_argument(
        "--output-schemas",
        action="store_true",
        help="describe the answers of tools, too; the list is three times as long",
    )
    http = parser.add_argument_group("transport")
    http.add_argument("--transport", choices=("stdio", "http"), default="stdio")
    http.add_argument("--host", default="127.0.0.1", help="for http; %(default)s by default")
    http.add_argument("--port", type=_port, default=8765, help="for http; %(default)s, 0 for a free one")
    http.add_argument("--token", help="for http (better TORC_MCP_TOKEN); without one a new one is printed on stderr")
    return parser


def _count(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")


def _id(text: str) -> int:
    if (number := _count(text)) > 0:
        return number
    raise argparse.ArgumentTypeError(f"{text!r} is not the id of a workflow")


def _port(text: str) -> int:
    port = _count(text)
    if port <= 65535:
        return port
    raise argparse.ArgumentTypeError(f"{text!r} is not a port")


def _serve(options: argparse.Namespace) -> None:
    # Imported here: `--help` and a misspelt option should not take half a second.
    settings = _settings(options)
    _log_to_stderr(settings.client.log_level)

    from torc_client.connect import connect
    from torc_mcp.server import build_server

    with connect(settings.client, patience_s=_PATIENCE_S) as client:
        if options.transport == "stdio":
            server = build_server(settings, client)
            _collect_garbage_again()
            if sys.stdin.isatty():
                sys.stderr.write("torc-mcp-server waits for an MCP client on stdin; Ctrl-D ends it\n")
            # Ends at once: the thread that reads stdin would block an orderly end, and nothing needs one.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            server.run("stdio")
        else:
            from torc_mcp.http_serving import StaticToken, auth_settings, choose_token, listen, port_of, serve

            with listen(options.host, options.port) as listener:
                token = StaticToken(choose_token(options.token or os.environ.get("TORC_MCP_TOKEN")))
                auth = auth_settings(options.host, port_of(listener))
                server = build_server(settings, client, auth=auth, token_verifier=token)
                _collect_garbage_again()
                serve(server, listener, host=options.host)


def _collect_garbage_again() -> None:
    """Collect again, without the objects made so far: they live as long as the process."""
    gc.freeze()
    gc.enable()


def _settings(options: argparse.Namespace) -> "McpSettings":
    from torc_client.library import project_folder
    from torc_client.settings import load_settings
    from torc_mcp.settings import McpSettings, choose_access, parse_preview_above, parse_toolsets, read_limits

    env = os.environ
    return McpSettings(
        client=load_settings(
            url=options.url,
            password=options.password,
            tls_ca_cert=options.tls_ca_cert,
            output_dir=options.output_dir,
            log_level=options.log_level,
        ),
        access=choose_access(read_only=options.read_only, proposals_only=options.proposals_only),
        toolsets=parse_toolsets(options.toolsets),
        workflows=frozenset(options.workflows) if options.workflows else None,
        limits=read_limits(
            env,
            max_ai_retries=options.max_ai_retries,
            max_memory=options.max_memory,
            max_runtime=options.max_runtime,
        ),
        preview_above=parse_preview_above(options.preview_above or env.get("TORC_PREVIEW_ABOVE") or None),
        asks_person=not options.no_asking,
        output_schemas=options.output_schemas,
        actor_name=env.get("TORC_ACTOR_NAME") or None,
        docs_dir=project_folder("docs", env.get("TORC_DOCS_DIR")),
        examples_dir=project_folder("examples", env.get("TORC_EXAMPLES_DIR")),
    )


def _log_to_stderr(level: str) -> None:
    """Send logs to stderr, before the protocol library configures logging by itself."""
    import logging

    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


if __name__ == "__main__":
    main()
