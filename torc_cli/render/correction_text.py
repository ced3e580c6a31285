"""Corrections of resource requirements, as people read them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torc_core.recovery.corrections import Correction


def correction_lines(corrections: "tuple[Correction, ...]", analyzed: int, *, dry_run: bool) -> list[str]:
    """Return which requirements were changed, or would be; `analyzed` jobs showed what they use."""
    if not corrections:
        return [f"Nothing to correct: {analyzed} job(s) fit their resource requirements."]
    prefix = "[DRY RUN] Would change" if dry_run else "Changed"
    return [
        f"{prefix} {len(corrections)} resource requirement(s), from the use of {analyzed} job(s):",
        *(
            f"  {correction.name} ({len(correction.job_ids)} job(s)): {_change(correction)}"
            for correction in corrections
        ),
    ]


def _change(correction: "Correction") -> str:
    changes = {
        "memory": (correction.original_memory, correction.new_memory),
        "runtime": (correction.original_runtime, correction.new_runtime),
        "CPUs": (correction.original_cpus, correction.new_cpus),
    }
    return ", ".join(f"{what} {old} -> {new}" for what, (old, new) in changes.items() if new is not None)
