"""Try an installed server as a new user would: start it, read its description, run a workflow, list the MCP tools.

python packaging/smoke_server.py path/to/bin      in an empty folder outside the checkout
"""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_TOOLS = {"get_workflow_status", "create_workflow", "list_pending_failed_jobs"}
_TIMEOUT_S = 120
_WORKFLOW = """name: smoke
jobs:
  - {name: first, command: 'true'}
  - {name: second, command: 'exit 3', failure_handler: again, depends_on_regexes: ['^fir.*t$']}
failure_handlers:
  - {name: again, rules: [{exit_codes: [3], recovery_script: 'true', max_retries: 2}]}
"""


def main(folder: str) -> None:
    """Go through all steps; any that fails ends the program."""
    commands = Path(folder).resolve()
    Path("smoke.yaml").write_text(_WORKFLOW, encoding="utf-8")
    server = subprocess.Popen(
        [commands / "torc-server", "run", "--port", "0", "--database", "smoke.db"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        port = next(line.split("=")[1].strip() for line in server.stdout if line.startswith("TORC_SERVER_PORT="))
        os.environ["TORC_API_URL"] = f"http://127.0.0.1:{port}/torc-service/v1"
        check_answers(f"127.0.0.1:{port}", Path("smoke.db.token").read_text(encoding="utf-8").strip())
        check_run(str(commands / "torc"))
        check_tools(str(commands / "torc-mcp-server"))
    finally:
        server.terminate()
        server.wait(timeout=_TIMEOUT_S)


def check_answers(host: str, token: str) -> None:
    """Read the description; send a body without a type, as pages of other sites can: older FastAPI reads it."""
    headers = {"Authorization": f"Bearer {token}"}
    connection = http.client.HTTPConnection(host, timeout=_TIMEOUT_S)
    connection.request("GET", "/openapi.json", headers=headers)
    print(f"{len(json.load(connection.getresponse())['paths'])} paths")
    for page in ("/", "/static/torc.css", "/static/htmx/htmx.min.js"):
        connection.request("GET", page, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200 or not answer.read():
            raise SystemExit(f"the page {page} was answered with {answer.status}")
    connection.request("POST", "/torc-service/v1/workflows", b'{"name": "w", "user": "u"}', headers)
    status = connection.getresponse().status
    connection.close()
    if status != 422:
        raise SystemExit(f"a body without a content type was answered with {status}")


def check_run(torc: str) -> None:
    """Run a workflow whose second job is retried once and fails."""
    run = subprocess.run([torc, "run", "smoke.yaml"], timeout=_TIMEOUT_S, check=False)
    listed = subprocess.run(
        [torc, "jobs", "list", "1", "-f", "json"], timeout=_TIMEOUT_S, check=True, capture_output=True, text=True
    )
    jobs = [(job["name"], job["status"], job["attempt_id"]) for job in json.loads(listed.stdout)]
    if run.returncode != 1 or jobs != [("first", "completed", 1), ("second", "failed", 2)]:
        raise SystemExit(f"torc run ended with {run.returncode}: {jobs}")


def check_tools(mcp_server: str) -> None:
    """List the tools of the MCP server, over its standard streams and without a client library."""
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "smoke", "version": "1"}}
    requests: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": about},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": {"name": "get_workflow_status", "arguments": {"workflow_id": 1}}},
    ]
    server = subprocess.Popen([mcp_server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        for request in requests:
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **request}) + "\n")
        server.stdin.flush()
        answers: dict[int, Any] = {}
        while {1, 2, 3} - set(answers):
            line = server.stdout.readline()
            if not line:
                raise SystemExit(f"the MCP server ended after the answers {sorted(answers)}")
            answer = json.loads(line)
            answers[answer.get("id")] = answer
    finally:
        server.stdin.close()
        server.wait(timeout=_TIMEOUT_S)
    names = {tool["name"] for tool in answers[2]["result"]["tools"]}
    print(f"{len(names)} tools")
    if missing := _TOOLS - names:
        raise SystemExit(f"the MCP server does not offer {sorted(missing)}")
    if '"failed": 1' not in json.dumps(answers[3]["result"]):
        raise SystemExit(f"get_workflow_status answered {answers[3]}")


if __name__ == "__main__":
    main(sys.argv[1])
