"""The assessment of a failed attempt: the one way to learn its cause, its suggestion and its signature."""

from dataclasses import dataclass
from functools import cached_property

from torc_core.evidence.record import Evidence
from torc_core.triage.cause_line import CauseReading, find_handler, read_cause
from torc_core.triage.classify import Classified, classify_reading
from torc_core.triage.facts import assess_facts
from torc_core.triage.measured import find_doubt
from torc_core.triage.pattern_library import load_library
from torc_core.triage.signature import CauseShape, find_shape, sign
from torc_core.triage.suggestion import Leaning, Suggestion, quote_line


@dataclass(frozen=True)
class Assessment:
    """The meaning of the evidence of one failed attempt. Each part is derived when it is first asked for."""

    evidence: Evidence

    @cached_property
    def facts(self) -> Suggestion | None:
        """Return what verdict, scheduler, signal, memory and time prove without any text."""
        return assess_facts(self.evidence)

    @cached_property
    def suggestion(self) -> Suggestion | None:
        """Return the class of the failure and the action it calls for; None when the evidence is unsure.

        Texts are data: they are matched against the pattern library and can never choose an action by themselves.
        """
        return self._classified.suggestion

    @property
    def leaning(self) -> Leaning | None:
        """Return what rule and words lean to, be it enough for a suggestion or not; None where facts decide."""
        return self._classified.leaning

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return why claims of the texts were not believed, each reason once."""
        return tuple(dict.fromkeys(doubt.why for doubt in self._read.doubts))

    @cached_property
    def signature(self) -> str:
        """Return a stable short name of the cause: equal for failures that differ in numbers, paths and hosts only."""
        return sign(self._shape)

    @cached_property
    def cause_line(self) -> str:
        """Return the line that names the cause, harmless and bounded; a sentence where only facts name it.

        Of chained exceptions it is the first, and what handled it stands behind it.
        """
        line, reading = self._shape.line, self._read.reading
        handler = None if reading is None else find_handler(reading)
        return quote_line(line if handler is None or handler in line else f"{line} (then {handler})")

    @cached_property
    def _classified(self) -> Classified:
        if self.facts is not None and self.facts.confidence >= 1.0:
            return Classified(self.facts)
        return classify_reading(self.evidence, self._read)

    @cached_property
    def _read(self) -> CauseReading:
        return read_cause(self.evidence, load_library(), find_doubt)

    @cached_property
    def _shape(self) -> CauseShape:
        return find_shape(self.evidence, self._read.reading)


def assess(evidence: Evidence) -> Assessment:
    """Return what the evidence means; its texts are read at most once."""
    return Assessment(evidence)
