"""Answers of the tools for writing workflows."""

from typing import Any, Literal

from pydantic import Field

from torc_mcp.answers import Answer, Part


class PlanEvent(Part):
    """Jobs that become ready together. `jobs_becoming_ready` holds the first few of `job_count`."""

    id: str
    trigger: Literal["workflow_start", "jobs_complete"]
    trigger_description: str
    job_count: int
    jobs_becoming_ready: list[str]
    scheduler_allocations: list[str] = Field(default_factory=list)
    depends_on_events: list[str]
    unlocks_events: list[str]


class PlannedWorkflow(Answer):
    """The order in which jobs become ready. `events` may hold the first of `total_events`."""

    source: Literal["database", "spec"]
    workflow_id: int | None = None
    workflow_name: str
    total_events: int
    total_jobs: int
    root_events: list[str]
    leaf_events: list[str]
    events: list[PlanEvent]
    warnings: list[str] = Field(default_factory=list)

    def headline(self) -> str:
        return f"{self.workflow_name}: {self.total_jobs} jobs in {self.total_events} stages."


class WorkflowAuthoring(Answer):
    """What a check found, and what was saved or created. `summary` counts what the file makes."""

    action: Literal["validate", "save_spec_file", "create_workflow"]
    valid: bool
    errors: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    summary: dict[str, Any] | None = None
    output_path: str | None = None
    workflow_id: int | None = None
    next_steps: str

    def headline(self) -> str:
        return self.next_steps
