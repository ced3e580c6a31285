"""The outcome of an ended attempt: completed, failed or terminated, and whether a rule allows another one."""

from collections.abc import Iterable
from typing import Final, assert_never

from runner.base.attempt import Attempt, AttemptEnd, StopReason
from runner.base.output_files import DeclaredOutputs
from runner.process.failure_rules import Exhausted, NoRule, TryAgain, first_match, read_rules
from runner.process.oom import OOM_CODE, OomKills
from torc_core.api.configs import ExecutionConfig
from torc_core.api.failure_handlers import FailureHandlerModel, FailureRule
from torc_core.jobs.status import JobStatus

TIMEOUT_CODE: Final = 152
_MISSING_OUTPUT_CODE: Final = 1


class OutcomeRules:
    """Sets the outcome of ended attempts from their return code, the runner's own stops, and the failure handlers.

    The return code changes where the runner itself ended the attempt.
    """

    def __init__(
        self,
        *,
        handlers: Iterable[FailureHandlerModel],
        outputs: DeclaredOutputs,
        config: ExecutionConfig | None,
        oom_kills: OomKills,
    ) -> None:
        self._outputs = outputs
        self._oom_kills = oom_kills
        self._oom_code = (config and config.oom_exit_code) or OOM_CODE
        self._timeout_code = (config and config.timeout_exit_code) or TIMEOUT_CODE
        self._rules = {handler.id: read_rules(handler) for handler in handlers}

    @property
    def unreadable_handlers(self) -> list[int]:
        """Return the ids of handlers whose rules cannot be read: a newer or broken server wrote them."""
        return [handler_id for handler_id, rules in self._rules.items() if rules is None and handler_id is not None]

    def note_starts(self, attempts: Iterable[Attempt]) -> None:
        """Note the counter of kills for memory before the processes begin."""
        open_now = self._oom_kills.open()
        for attempt in attempts:
            attempt.oom_kills_before = open_now

    def conclude(self, end: AttemptEnd) -> None:
        """Set status and verdict, and check the declared output files of a success. A scheduler's verdict stands."""
        if end.verdict == "oom":
            end.return_code = self._oom_code
            return
        if end.verdict == "terminated":
            end.status = JobStatus.TERMINATED
            return
        match end.attempt.stop:
            case StopReason.MEMORY if end.return_code != 0:
                end.verdict, end.return_code = "oom", self._oom_code
            case StopReason.RUNTIME:
                # also after exit 0: a program that saves its state on SIGTERM has not done its work
                end.verdict, end.return_code = "timeout", self._timeout_code
            case StopReason.LEAVING if end.return_code != 0:
                end.verdict, end.status = "terminated", JobStatus.TERMINATED
                return
            case None if self._oom_kills.explains(end.return_code, open_before=end.attempt.oom_kills_before):
                end.verdict, end.return_code = "oom", self._oom_code
            case StopReason.MEMORY | StopReason.LEAVING | StopReason.FORGOTTEN | None:
                pass
            case unreachable:
                assert_never(unreachable)
        if end.return_code == 0:
            end.status = JobStatus.COMPLETED
            end.missing_files, end.output_mtimes = self._outputs.check(end.attempt.claim.job_id)
            if end.missing_files:
                end.status, end.verdict = JobStatus.FAILED, "missing_output"
                end.return_code = _MISSING_OUTPUT_CODE

    def apply_rules(self, end: AttemptEnd) -> FailureRule | None:
        """Return the rule that allows another attempt; set `end.unmatched` when no rule decided."""
        claim = end.attempt.claim
        rules = self._rules.get(claim.model.failure_handler_id) or ()
        decision = first_match(
            rules,
            end.return_code,
            attempt_id=claim.attempt_id,
            infrastructure_faults=claim.model.infrastructure_faults or 0,
            lost_claims=claim.model.lost_claims or 0,
        )
        match decision:
            case TryAgain(rule):
                return rule
            case NoRule():
                end.unmatched = True
            case Exhausted():
                pass
            case unreachable:
                assert_never(unreachable)
        return None
