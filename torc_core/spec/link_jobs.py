"""The jobs of the draft: texts with their parameters and variables filled in, names turned into positions."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from torc_core.api.drafts import FileDraft, UserDataDraft
from torc_core.api.jobs import JOB_FIELD_DEFAULTS, PLAIN_JOB_FIELDS, JobDraft
from torc_core.api.labels import normalized_labels
from torc_core.errors import InvalidInputError
from torc_core.spec.expand import Group
from torc_core.spec.links import Links
from torc_core.spec.model import JobSpec
from torc_core.spec.names import Names
from torc_core.spec.problems import KeyPath, show
from torc_core.spec.templates import Row, Template

MAX_EDGES: Final = 10_000_000
"""Dependencies of one workflow; more would fill the memory of everybody on the way."""

_VARIABLE: Final = re.compile(r"\$\{(files|user_data)\.(input|output)\.([^${}]+)\}")
_ALL_FIELDS: Final = set(JobDraft.model_fields)
_NOTHING: Final[list[int]] = []
"""Relations of most jobs; five lists of its own for each of a million jobs would take 300 MB. Nothing adds to it."""


def link_jobs(
    jobs: Sequence[JobSpec],
    groups: Sequence[Group],
    links: Links,
    *,
    files: Sequence[FileDraft],
    user_data: Sequence[UserDataDraft],
) -> list[JobDraft]:
    """Return all jobs in order; stop with a problem where the dependencies are too many."""
    variables = _Variables(links, files, user_data)
    drafts: list[JobDraft] = []
    edges = 0
    for group in groups:
        for draft in _GroupLinker(jobs[group.entry], group, links, variables).link():
            drafts.append(draft)
            edges += len(draft.depends_on) + len(draft.input_files) + len(draft.output_files)
            if edges > MAX_EDGES:
                message = f"more than {MAX_EDGES} dependencies; put one job as a barrier between the stages"
                links.problems.add(("jobs", group.entry), message)
                return drafts
    return drafts


class _Variables:
    """Replaces `${files.input.NAME}` and similar variables by paths, and by user data as compact JSON."""

    def __init__(self, links: Links, files: Sequence[FileDraft], user_data: Sequence[UserDataDraft]) -> None:
        self.links = links
        self.names = {"files": links.files, "user_data": links.user_data}
        self.paths = [file.path for file in files]
        self.user_data = user_data

    def fill(self, path: KeyPath, text: str, relations: dict[str, list[int]]) -> str:
        """Return the text with variables replaced; add what they name to `relations` under `files.input` and so on."""

        def replace(match: re.Match[str]) -> str:
            kind, direction, name = match[1], match[2], match[3]
            positions = self.links.find((*path, match[0]), self.names[kind], name, written=name)
            if len(positions) != 1:
                if positions:
                    self.links.problems.add((*path, match[0]), f"{show(name)} stands for {len(positions)} {kind}")
                return match[0]
            if positions[0] not in relations[f"{kind}.{direction}"]:
                relations[f"{kind}.{direction}"] = [*relations[f"{kind}.{direction}"], *positions]
            return self.paths[positions[0]] if kind == "files" else _compact(self.user_data[positions[0]].data)

        return _VARIABLE.sub(replace, text)


def _compact(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


class _References:
    """One pair of lists of a job: exact names and regular expressions for the same kind of thing."""

    def __init__(self, group: Group, links: Links, names: Names, lists: dict[str, list[str] | None]) -> None:
        self.group, self.links, self.names = group, links, names
        self.written: list[tuple[KeyPath, Template]] = [
            (("jobs", group.entry, key, place), _template(group, text, is_regex=key.endswith("_regexes")))
            for key, texts in lists.items()
            for place, text in enumerate(texts or [])
        ]
        varies = group.parameters and any("{" in template.text for _, template in self.written)
        self.always = None if varies else self._find(group.rows[0])

    def find(self, row: Row, *, itself: int | None = None) -> list[int]:
        """Return positions, each once. A regular expression never finds the job `itself`; its exact name does."""
        if not self.written:
            return _NOTHING
        positions = self._find(row) if self.always is None else self.always
        return [position for position, by_name in positions.items() if by_name or position != itself]

    def _find(self, row: Row) -> dict[int, bool]:
        positions: dict[int, bool] = {}
        for path, template in self.written:
            text = render(template, row, path, self.links)
            if template.escape:
                matches = self.links.match(path, self.names, text)
                positions = dict.fromkeys(matches, False) | positions
            else:
                parameters = self.group.parameters
                exact = self.links.find(path, self.names, text, written=template.text, parameters=parameters, row=row)
                positions |= dict.fromkeys(exact, True)
        return positions


class _GroupLinker:
    """Renders and links the jobs of one entry."""

    def __init__(self, job: JobSpec, group: Group, links: Links, variables: _Variables) -> None:
        self.job, self.group, self.links, self.variables = job, group, links, variables
        self.path: KeyPath = ("jobs", group.entry)
        self.command = _template(group, job.command)
        self.script = _template(group, job.invocation_script) if job.invocation_script else None
        self.labels = [_template(group, label) for label in job.labels or ()]
        self.env = {key: _template(group, value) for key, value in job.env.items()} if job.env is not None else None
        self.records = {
            key: (_template(group, name), records)
            for key, name, records in (
                ("resource_requirements", job.resource_requirements, links.requirements),
                ("failure_handler", job.failure_handler, links.handlers),
                ("scheduler", job.scheduler, links.schedulers),
            )
            if name is not None
        }
        self.depends_on = _References(
            group,
            links,
            links.jobs,
            {"depends_on": job.depends_on, "depends_on_regexes": job.depends_on_regexes},
        )
        self.relations = {
            "files.input": self._relation(links.files, "input_files", "input_file_regexes"),
            "files.output": self._relation(links.files, "output_files", "output_file_regexes"),
            "user_data.input": self._relation(links.user_data, "input_user_data", "input_user_data_regexes"),
            "user_data.output": self._relation(links.user_data, "output_user_data", "output_user_data_regexes"),
        }

    def link(self) -> Iterator[JobDraft]:
        """Yield one draft for each combination of parameters."""
        written = {field: getattr(self.job, field) for field in PLAIN_JOB_FIELDS}
        plain = {field: JOB_FIELD_DEFAULTS[field] if value is None else value for field, value in written.items()}
        for position, (row, name) in enumerate(zip(self.group.rows, self.group.names, strict=True), self.group.first):
            related = {key: references.find(row) for key, references in self.relations.items()}
            command = self._text("command", self.command, row, related)
            script = self._text("invocation_script", self.script, row, related) if self.script else None
            # All values are checked already; validating each again would take most of the time.
            yield JobDraft.model_construct(
                _fields_set=_ALL_FIELDS,
                name=name,
                command=command,
                invocation_script=script,
                env=self._env(row),
                labels=self._labels(row),
                **plain,
                depends_on=self.depends_on.find(row, itself=position),
                input_files=related["files.input"],
                output_files=related["files.output"],
                input_user_data=related["user_data.input"],
                output_user_data=related["user_data.output"],
                resource_requirements=self._record("resource_requirements", row),
                failure_handler=self._record("failure_handler", row),
                scheduler=self._record("scheduler", row),
            )

    def _relation(self, names: Names, *keys: str) -> _References:
        return _References(self.group, self.links, names, {key: getattr(self.job, key) for key in keys})

    def _text(self, key: str, template: Template, row: Row, related: dict[str, list[int]]) -> str:
        path = (*self.path, key)
        text = render(template, row, path, self.links)
        return self.variables.fill(path, text, related) if "${" in text else text

    def _env(self, row: Row) -> dict[str, str] | None:
        if self.env is None:
            return None
        return {key: render(template, row, (*self.path, "env", key), self.links) for key, template in self.env.items()}

    def _labels(self, row: Row) -> list[str] | None:
        path = (*self.path, "labels")
        rendered = [render(template, row, path, self.links) for template in self.labels]
        try:
            return normalized_labels(rendered) or None
        except ValueError as error:
            self.links.problems.add(path, str(error))
            return None

    def _record(self, key: str, row: Row) -> int | None:
        if key not in self.records:
            return None
        template, records = self.records[key]
        path = (*self.path, key)
        return self.links.record(path, records, render(template, row, path, self.links))


def _template(group: Group, text: str, *, is_regex: bool = False) -> Template:
    return Template(text, group.parameters, escape=re.escape if is_regex else None)


def render(template: Template, row: Row, path: KeyPath, links: Links) -> str:
    """Return the text with parameters filled in; after a problem with a format, the text as it is."""
    try:
        return template.render(row)
    except InvalidInputError as error:
        links.problems.add(path, error.message)
        return template.text
