"""The check of a workflow file: everything that is wrong with it, and warnings."""

from collections.abc import Sequence
from dataclasses import dataclass

from torc_core.api.drafts import ActionDraft, FileDraft, UserDataDraft
from torc_core.api.jobs import JobDraft
from torc_core.spec.check_records import check_records
from torc_core.spec.check_schedulers import check_schedulers
from torc_core.spec.expand import Expansion, Group, count_items, expand
from torc_core.spec.expand_data import expand_files, expand_user_data
from torc_core.spec.graph import describe_cycle, find_job_cycle
from torc_core.spec.keys_without_effect import warn_of_keys_without_effect
from torc_core.spec.link_actions import check_actions, link_actions
from torc_core.spec.link_jobs import link_jobs
from torc_core.spec.links import Links
from torc_core.spec.names import Names
from torc_core.spec.problems import Problems, show
from torc_core.spec.report import SpecReport, summarize
from torc_core.spec.spec import Spec
from torc_core.spec.variables import check_variables, warn_of_unfilled


@dataclass(frozen=True, slots=True)
class Checked:
    """The parts of a draft and the report on them. The parts are whole only without problems."""

    files: list[FileDraft]
    user_data: list[UserDataDraft]
    jobs: list[JobDraft]
    actions: list[ActionDraft]
    expansion: Expansion
    report: SpecReport


def examine(spec: Spec, problems: Problems) -> Checked:
    """Expand, link and check a workflow file. Adds to `problems`, where every place is reported once."""
    warnings = spec.collect()
    for path, message in spec.ignored.items():
        warnings.add(path, message)
    body = spec.body
    if not body.jobs:
        problems.add(("jobs",), "a workflow needs at least one job")
    check_records(body, problems, warnings)
    check_actions(body.actions or [], problems, warnings)
    check_schedulers(body, problems, warnings)
    warn_of_keys_without_effect(body, warnings)
    expansion = expand(spec, problems, warnings)
    check_variables(spec.source.value, expansion.parameters, problems, warnings)
    warn_of_unfilled(spec.source.value, expansion.parameters, warnings)
    parts = _link(spec, expansion, problems, warnings)
    report = SpecReport(
        valid=not len(problems), errors=problems.lines(), warnings=warnings.lines(), summary=summarize(spec, expansion)
    )
    return Checked(*parts, expansion, report)


def _link(
    spec: Spec, expansion: Expansion, problems: Problems, warnings: Problems
) -> tuple[list[FileDraft], list[UserDataDraft], list[JobDraft], list[ActionDraft]]:
    body = spec.body
    before = len(problems)
    files = expand_files(body.files or [], expansion.files, problems)
    user_data = expand_user_data(body.user_data or [], expansion.user_data, problems)
    if not expansion.is_complete or len(problems) > before:
        # With names missing, every mention of one would be reported although it is right.
        return files, user_data, [], []
    links = Links(spec, expansion, problems)
    _check_duplicates("files", expansion.files, links.files, problems)
    _check_duplicates("user_data", expansion.user_data, links.user_data, problems)
    _warn_of_equal_names(expansion.jobs, links.jobs, warnings)
    jobs = link_jobs(body.jobs, expansion.jobs, links, files=files, user_data=user_data)
    actions = link_actions(body.actions or [], links)
    if len(jobs) == count_items(expansion.jobs):
        _warn_of_unused_files(expansion.files, jobs, warnings)
        _warn_of_missing_data(expansion.user_data, jobs, warnings, user_data=user_data)
        _check_graph(expansion.jobs, jobs, problems, files=files, user_data=user_data)
    return files, user_data, jobs, actions


def _entry_of(groups: Sequence[Group], position: int) -> int:
    return next(group.entry for group in reversed(groups) if group.first <= position)


def _check_duplicates(key: str, groups: Sequence[Group], names: Names, problems: Problems) -> None:
    for name, positions in names.repeated().items():
        entries = [_entry_of(groups, position) for position in positions[:2]]
        message = f"the name {show(name)} is given {len(positions)} times, first in {key}[{entries[0]}]"
        problems.add((key, entries[1], "name"), message)


def _warn_of_equal_names(groups: Sequence[Group], names: Names, warnings: Problems) -> None:
    repeated = names.repeated()
    if not repeated:
        return
    name, positions = next(iter(repeated.items()))
    rest = f", and {len(repeated) - 1} more names are shared" if len(repeated) > 1 else ""
    place = _entry_of(groups, positions[1])
    message = f"{len(positions)} jobs have the name {show(name)}{rest}; who depends on it waits for all of them"
    warnings.add(("jobs", place, "name"), message)


def _warn_of_unused_files(groups: Sequence[Group], jobs: Sequence[JobDraft], warnings: Problems) -> None:
    """Warn of entries of `files` of which no job reads or writes any."""
    if not groups:
        return
    used = {place for job in jobs for place in (*job.input_files, *job.output_files)}
    for group in groups:
        if used.isdisjoint(range(group.first, group.first + len(group.names))):
            warnings.add(("files", group.entry, "name"), f"no job reads or writes the file {show(group.template)}")


def _warn_of_missing_data(
    groups: Sequence[Group], jobs: Sequence[JobDraft], warnings: Problems, *, user_data: Sequence[UserDataDraft]
) -> None:
    """Warn of user data that jobs read, that holds nothing, and that no job writes: no run could begin."""
    read = {place for job in jobs for place in job.input_user_data}
    written = {place for job in jobs for place in job.output_user_data}
    for place in sorted(read - written):
        if user_data[place].data is None:
            message = f"no job writes {show(user_data[place].name)}, and it holds nothing: a run cannot begin"
            warnings.add(("user_data", _entry_of(groups, place), "name"), message)


def _check_graph(
    groups: Sequence[Group],
    jobs: Sequence[JobDraft],
    problems: Problems,
    *,
    files: Sequence[FileDraft],
    user_data: Sequence[UserDataDraft],
) -> None:
    for position, job in enumerate(jobs):
        own = [files[place].name for place in job.output_files if place in job.input_files]
        own += [user_data[place].name for place in job.output_user_data if place in job.input_user_data]
        if own:
            problems.add(
                ("jobs", _entry_of(groups, position)),
                f"job {show(job.name)} reads {show(own[0])}, which it writes itself",
            )
            return
    cycle = find_job_cycle(jobs, files=len(files), user_data=len(user_data))
    if cycle:
        path = ("jobs", _entry_of(groups, cycle[0]), "name")
        chain = describe_cycle([jobs[position].name for position in cycle])
        problems.add(path, f"jobs wait for each other in a circle: {chain}")
