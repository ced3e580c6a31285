"""Models that only clients older than 0.24 send and expect."""

from torc_core.api.base import ApiModel


class OldWorkflowStatus(ApiModel):
    """The state of a workflow as it was written whole; a flag that is absent means false."""

    id: int | None = None
    run_id: int
    is_canceled: bool = False
    is_archived: bool = False
    has_detected_need_to_run_completion_script: bool = False
