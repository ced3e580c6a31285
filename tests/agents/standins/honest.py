"""An agent that does its work: lists what waits, gives up what is a bug, sends the rest back."""

import json
import os
import subprocess
import sys
from pathlib import Path

if sys.argv[1:] == ["--version"]:
    sys.stdout.write("1.2.3 (Stand-in)\n")
    sys.exit()

notes = Path(sys.argv[0]).parent.parent / "notes"
arguments = sys.argv[1:]
config_path = next(argument for argument in arguments if argument.endswith("mcp.json")).removeprefix("@")
config = json.loads(Path(config_path).read_text())
call = {
    "argv": arguments,
    "env": dict(os.environ),
    "cwd": str(Path.cwd()),
    "in_cwd": [path.name for path in Path.cwd().iterdir()],
    "stdin": sys.stdin.read(),
    "config": config,
    "config_mode": oct(Path(config_path).stat().st_mode & 0o777),
    "group": os.getpgrp(),
    "pid": os.getpid(),
}
with (notes / "calls").open("a") as file:
    file.write(json.dumps(call) + "\n")

[server] = config["mcpServers"].values()
process = subprocess.Popen(
    [server["command"], *server["args"]],
    env={**os.environ, **server["env"]},
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
)


def send(message):
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    process.stdin.flush()


def request(number, method, params):
    send({"id": number, "method": method, "params": params})
    while True:
        answer = json.loads(process.stdout.readline())
        if answer.get("id") == number:
            return answer["result"]


about = {"name": "stand-in", "version": "1.2.3"}
request(1, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about})
send({"method": "notifications/initialized"})
(notes / "tools").write_text(" ".join(tool["name"] for tool in request(2, "tools/list", {})["tools"]))
workflow_id = int(arguments[arguments.index("-p") + 1].split("workflow ")[1].split()[0].strip(". "))
listed = request(3, "tools/call", {"name": "list_pending_failed_jobs", "arguments": {"workflow_id": workflow_id}})
(notes / "listed").write_text(json.dumps(listed))
groups = listed["structuredContent"]["groups"]
requests = [
    {
        "signature": group["signature"],
        "action": "fail" if "Error: No module" in group["cause"] or "ValueError" in group["cause"] else "retry",
        "reason": "a bug in the job" if "Error" in group["cause"] else "looks transient",
    }
    for group in groups
]
arguments = {"workflow_id": workflow_id, "classifications": requests, "dry_run": False}
done = request(4, "tools/call", {"name": "classify_and_resolve_failures", "arguments": arguments})
(notes / "decided").write_text(json.dumps(done))
sys.stdout.write(f"I decided about {len(requests)} groups.\n")
process.stdin.close()
process.wait()
