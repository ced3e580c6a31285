"""The choices of a person in a review, entry by entry, with undo; kept in a file until they are applied."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from torc_client.private_files import private
from torc_core.api.review import ReviewChoice, ReviewEntry, ReviewVerb

_KEPT = TypeAdapter(list[ReviewChoice])


@dataclass
class ReviewMarks:
    """What is chosen so far. Every change is written to `file` at once, so that an interrupted review goes on."""

    entries: Sequence[ReviewEntry]
    file: Path
    choices: dict[str, ReviewChoice] = field(default_factory=dict)
    _earlier: list[dict[str, ReviewChoice]] = field(default_factory=list)

    def load(self) -> int:
        """Read the choices of an interrupted review whose entries are still there; return how many there are."""
        with suppress(OSError, ValidationError):
            ids = {entry.id for entry in self.entries}
            kept = _KEPT.validate_json(self.file.read_bytes())
            self.choices = {choice.entry: choice for choice in kept if choice.entry in ids}
        return len(self.choices)

    def choose(self, entries: Sequence[ReviewEntry], choice: ReviewVerb, **details: str | None) -> None:
        """Choose the same for these entries. What an entry proposes already is accepted, with its amounts."""
        new = {}
        for entry in entries:
            is_proposed = choice == entry.action and not any(details.values())
            verb: ReviewVerb = "accept" if is_proposed else choice
            new[entry.id] = ReviewChoice(entry=entry.id, choice=verb, **details)
        self._change(self.choices | new)

    def accept(self, entries: Sequence[ReviewEntry]) -> None:
        """Accept what these entries propose, as one change."""
        self._change(self.choices | {entry.id: ReviewChoice(entry=entry.id, choice="accept") for entry in entries})

    def undo(self) -> bool:
        """Take the last change back; return whether there was one."""
        if not self._earlier:
            return False
        self.choices = self._earlier.pop()
        self._write()
        return True

    def forget(self) -> None:
        """Remove the file, once the choices are applied or not wanted."""
        self.file.unlink(missing_ok=True)

    def undecided(self, entries: Sequence[ReviewEntry]) -> list[ReviewEntry]:
        return [entry for entry in entries if entry.id not in self.choices and entry.count]

    def verb_of(self, entry: ReviewEntry) -> str | None:
        """Return what becomes of the entry's jobs: retry, fail, leave out; None while nothing is chosen."""
        choice = self.choices.get(entry.id)
        if choice is None:
            return None
        return entry.action if choice.choice == "accept" else choice.choice.replace("_", " ")

    def counts(self) -> Iterator[tuple[str, int, int]]:
        """Yield what is done, with the numbers of groups and jobs."""
        for verb in ("retry", "fail", "leave out"):
            chosen = [entry for entry in self.entries if self.verb_of(entry) == verb]
            if chosen:
                yield verb, len(chosen), sum(entry.count for entry in chosen)

    def _change(self, choices: dict[str, ReviewChoice]) -> None:
        self._earlier.append(self.choices)
        self.choices = choices
        self._write()

    def _write(self) -> None:
        with suppress(OSError):  # a home that cannot be written to costs the way back, not the review
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            other = self.file.with_suffix(".new")
            with open(other, "wb", opener=private) as kept:
                kept.write(_KEPT.dump_json(list(self.choices.values()), exclude_none=True))
            other.replace(self.file)
