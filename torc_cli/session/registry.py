"""The commands of `torc`, in the order of `torc --help`. Each help is the first line of the command's own."""

from collections.abc import Mapping
from typing import Final

from torc_cli.session.lazy_commands import Entry

_RUN: Final = "Run"
_LOOK: Final = "Look"
_RECORDS: Final = "Records"
_CLUSTERS: Final = "Clusters"
_OTHER: Final = "Other"

COMMANDS: Final[Mapping[str, Entry]] = {
    "run": Entry("run", "run", "Run a workflow on this machine, from a file or by its id.", _RUN),
    "exec": Entry("exec", "exec_", "Run commands as jobs on this machine, without a workflow file.", _RUN),
    "submit-slurm": Entry(
        "submit", "submit_slurm", "Create a workflow from a file, plan its allocations, and submit them to Slurm.", _RUN
    ),
    "submit": Entry(
        "submit", "submit", "Submit the allocations that a workflow's schedule_nodes actions ask for.", _RUN
    ),
    "recover": Entry("recover", "recover", "Diagnose failed jobs, raise what they lacked, and retry them.", _RUN),
    "watch": Entry("watch", "watch", "Follow a workflow to its end, and recover it on the way with --recover.", _RUN),
    "create": Entry("create", "create", "Create a workflow from a file.", _RUN),
    "init": Entry("lifecycle", "init", "Begin a new run with every job from its beginning.", _RUN),
    "reinit": Entry(
        "lifecycle", "reinit", "Begin a new run with the jobs that are not done, or whose inputs changed.", _RUN
    ),
    "reconcile": Entry(
        "reconcile", "reconcile", "Deliver the results that runners kept while the server was away.", _RUN
    ),
    "cancel": Entry("lifecycle", "cancel", "Cancel a workflow, stop its jobs, and cancel its allocations.", _RUN),
    "delete": Entry("lifecycle", "delete", "Delete workflows with all their records.", _RUN),
    "status": Entry("lifecycle", "status", "Show how a workflow stands: counts, failures, next steps.", _LOOK),
    "open": Entry("open_pages", "open_", "Open the pages of the server in a browser, logged in as you.", _LOOK),
    "reports": Entry("reports", "app", "Show what jobs used, how they ended, and where their logs are.", _LOOK),
    "failures": Entry("failures", "app", "Show failure groups, and decide about failed jobs.", _LOOK),
    "logs": Entry("logs", "app", "Find what went wrong in the logs of a workflow, and pack them.", _LOOK),
    "graph": Entry("graph", "graph", "Draw which job waits for which, coloured by status.", _LOOK),
    "plot-resources": Entry(
        "plot_resources",
        "plot_resources",
        "Draw CPU, memory and processes of jobs over time, from the files that runners leave.",
        _LOOK,
    ),
    "monitor-node": Entry(
        "monitor_node",
        "monitor_node",
        "Measure CPU and memory of this machine until Ctrl-C, SIGTERM or SIGUSR1, and print peaks and averages.",
        _LOOK,
    ),
    "workflows": Entry("workflows", "app", "Create, change, run and delete workflows.", _RECORDS),
    "jobs": Entry("jobs", "app", "The jobs of workflows, and their logs.", _RECORDS),
    "actions": Entry("actions", "app", "Commands and allocations that triggers set off, and how they ended.", _RECORDS),
    "results": Entry("results", "app", "The record of every attempt of every job.", _RECORDS),
    "events": Entry("events", "app", "What happened, stored and live.", _RECORDS),
    "files": Entry("files", "app", "What jobs read and write.", _RECORDS),
    "user-data": Entry("user_data", "app", "JSON values that jobs pass to each other.", _RECORDS),
    "resource-requirements": Entry(
        "resource_requirements", "app", "What jobs need: CPUs, memory, GPUs, nodes, time.", _RECORDS
    ),
    "failure-handlers": Entry("failure_handlers", "app", "Rules that retry failed jobs by exit code.", _RECORDS),
    "job-dependencies": Entry("job_dependencies", "app", "Who waits for whom, and through what.", _RECORDS),
    "compute-nodes": Entry("compute_nodes", "app", "The runners, one record for each start.", _RECORDS),
    "scheduled-compute-nodes": Entry("scheduled_compute_nodes", "app", "Allocations asked of a scheduler.", _RECORDS),
    "slurm": Entry("slurm", "app", "Plan, submit and look at allocations of a Slurm cluster.", _CLUSTERS),
    "hpc": Entry("hpc", "app", "HPC sites, their partitions, and which of them fits.", _CLUSTERS),
    "access-groups": Entry(
        "access_groups", "app", "Groups of users, and the workflows that are shared with them.", _OTHER
    ),
    "tokens": Entry("tokens", "app", "Tokens that stand for you, with a scope and an end.", _OTHER),
    "ro-crate": Entry("ro_crate", "app", "The runs of a workflow as a research object (RO-Crate).", _OTHER),
    "tasks": Entry("tasks", "app", "What a server does in the background.", _OTHER),
    "admin": Entry("admin", "app", "What administrators of a server do.", _OTHER),
    "spec": Entry("spec", "app", "What workflow files may hold, for editors, and whether files are valid.", _OTHER),
    "config": Entry("config", "app", "The settings of torc: files, values, and whether they are right.", _OTHER),
    "examples": Entry("examples", "app", "Example workflows to look at, copy and run.", _OTHER),
    "agents": Entry("agents", "app", "List and check the AI agents that can decide about failures.", _OTHER),
    "mcp": Entry("mcp", "app", "Make Torc's tools known to an AI assistant.", _OTHER),
    "help": Entry("help", "help_", "Explain a command, or a topic: options, formats, exit-codes, environment.", _OTHER),
    "ping": Entry("ping", "ping", "Ask whether the server answers.", _OTHER),
    "completions": Entry("completions", "completions", "Print the completion script of a shell.", _OTHER),
}
"""Name on the command line -> where it lives. `lazy_group` imports a module when its command is used."""
