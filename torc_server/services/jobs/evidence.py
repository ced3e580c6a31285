"""Evidence as it is stored: without credentials, with its signature and its cause."""

from torc_core.evidence.record import Evidence, fit
from torc_core.evidence.redaction import redact_secrets
from torc_core.triage.assess import assess
from torc_server.db.queries.jobs.attempts import SignedEvidence


def sign_evidence(evidence: Evidence) -> SignedEvidence:
    """Bound the evidence, remove credentials from all its texts, and then derive signature and cause from it."""
    safe = _without_secrets(fit(evidence))
    assessed = assess(safe)
    return SignedEvidence(safe.model_dump_json(exclude_defaults=True), assessed.signature, assessed.cause_line)


def _without_secrets(evidence: Evidence) -> Evidence:
    changed: dict[str, object] = {
        name: redact_secrets(text)
        for name in ("stderr_excerpt", "stderr_tail", "stdout_tail")
        if (text := getattr(evidence, name))
    }
    if evidence.scheduler is not None and evidence.scheduler.reason:
        reason = redact_secrets(evidence.scheduler.reason)
        changed["scheduler"] = evidence.scheduler.model_copy(update={"reason": reason})
    if evidence.recovery_script_error:
        changed["recovery_script_error"] = redact_secrets(evidence.recovery_script_error)
    if evidence.missing_output_files:
        changed["missing_output_files"] = tuple(map(redact_secrets, evidence.missing_output_files))
    return evidence.model_copy(update=changed)
