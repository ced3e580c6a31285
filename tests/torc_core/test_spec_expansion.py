"""From entries to jobs: counts, order, dependencies."""

import pytest

from torc_core.api.drafts import JobDraft, WorkflowDraft
from torc_core.errors import SpecError
from torc_core.spec.build import read_workflow


def draft(text: str) -> WorkflowDraft:
    return read_workflow(text, file_name="wf.yaml", user="ann")[0]


def names(text: str) -> list[str]:
    return [job.name for job in draft(text).jobs]


def dependencies(text: str) -> dict[str, list[str]]:
    jobs = draft(text).jobs
    return {job.name: [jobs[position].name for position in job.depends_on] for job in jobs}


def only_job(text: str) -> JobDraft:
    (job,) = draft(text).jobs
    return job


def test_the_first_parameter_changes_slowest() -> None:
    text = 'jobs: [{name: "j_{b}_{a}", command: x, parameters: {b: "0:1", a: "[p, q]"}}]'
    assert names(text) == ["j_0_p", "j_0_q", "j_1_p", "j_1_q"]


def test_zip_takes_the_values_in_pairs() -> None:
    text = 'jobs: [{name: "j_{b}_{a}", command: x, parameter_mode: zip, parameters: {b: "0:1", a: "[p, q]"}}]'
    assert names(text) == ["j_0_p", "j_1_q"]


def test_zip_names_the_parameters_of_unequal_length() -> None:
    text = 'jobs: [{name: "j", command: x, parameter_mode: zip, parameters: {b: "0:2", a: "[p, q]"}}]'
    with pytest.raises(SpecError, match=r"parameter 'b' has 3, but 'a' has 2"):
        draft(text)


def test_shared_parameters_apply_only_where_they_are_used() -> None:
    text = """
parameters: {i: "1:3", unused: "1:9"}
jobs:
  - {name: "a_{i}", command: x, use_parameters: [i]}
  - {name: b, command: "echo {i}"}
"""
    assert names(text) == ["a_1", "a_2", "a_3", "b"]
    assert draft(text).jobs[3].command == "echo {i}"


def test_shared_and_own_parameters_are_combined_and_the_own_value_wins() -> None:
    text = """
parameters: {i: "1:2", k: "1:9"}
jobs:
  - {name: "a_{i}_{k}_{j}", command: x, use_parameters: [i, k], parameters: {j: "[p, q]", k: 5}}
"""
    assert names(text) == ["a_1_5_p", "a_1_5_q", "a_2_5_p", "a_2_5_q"]


def test_an_unknown_shared_parameter_is_an_error() -> None:
    text = 'parameters: {seed: "1:2"}\njobs: [{name: a, command: x, use_parameters: [sede]}]'
    with pytest.raises(SpecError, match="no shared parameter 'sede'; did you mean 'seed'"):
        draft(text)


def test_parameters_reach_every_text_of_a_job() -> None:
    text = """
resource_requirements: [{name: rr_1, num_cpus: 1, memory: 1g}]
failure_handlers: [{name: h_1, rules: [{exit_codes: [1]}]}]
slurm_schedulers: [{name: s_1, account: acc}]
files: [{name: "f_{i}", path: "out/{i:02d}.txt", parameters: {i: "1:2"}}]
user_data: [{name: "u_{i}", data: {seed: "{i}", fixed: 3}, parameters: {i: "1:2"}}]
jobs:
  - name: j_{i}
    command: run {i}
    invocation_script: bash wrap{i}.sh
    env: {SEED: "{i}", N: 4}
    resource_requirements: rr_{i}
    failure_handler: h_{i}
    scheduler: s_{i}
    input_files: ["f_{i}"]
    output_user_data: ["u_{i}"]
    parameters: {i: 1}
"""
    made = draft(text)
    (job,) = made.jobs
    assert (job.name, job.command, job.invocation_script) == ("j_1", "run 1", "bash wrap1.sh")
    assert job.env == {"SEED": "1", "N": "4"}
    assert (job.resource_requirements, job.failure_handler, job.scheduler) == (0, 0, 0)
    assert (job.input_files, job.output_user_data) == ([0], [0])
    assert [file.path for file in made.files] == ["out/01.txt", "out/02.txt"]
    assert [record.data for record in made.user_data] == [{"seed": "1", "fixed": 3}, {"seed": "2", "fixed": 3}]


def test_each_copy_depends_on_its_own_partner() -> None:
    text = """
jobs:
  - {name: "a_{i}", command: x, parameters: {i: "1:2"}}
  - {name: "b_{i}", command: x, parameters: {i: "1:2"}, depends_on: ["a_{i}"]}
"""
    assert dependencies(text) == {"a_1": [], "a_2": [], "b_1": ["a_1"], "b_2": ["a_2"]}


def test_a_plain_job_depends_on_all_jobs_of_a_template_it_names() -> None:
    text = """
jobs:
  - {name: "a_{i}_{k}", command: x, parameters: {i: "1:2", k: "1:2"}}
  - {name: all, command: x, depends_on: ["a_{i}_{k}"]}
"""
    assert dependencies(text)["all"] == ["a_1_1", "a_1_2", "a_2_1", "a_2_2"]


def test_a_job_with_fewer_parameters_depends_on_the_jobs_that_share_its_values() -> None:
    text = """
jobs:
  - {name: "a_{i}_{k}", command: x, parameters: {i: "1:2", k: "1:2"}}
  - {name: "per_{i}", command: x, parameters: {i: "1:2"}, depends_on: ["a_{i}_{k}"]}
"""
    assert dependencies(text)["per_2"] == ["a_2_1", "a_2_2"]


def test_a_template_names_all_its_files_too() -> None:
    text = """
files: [{name: "f_{i}", path: "{i}", parameters: {i: "1:3"}}]
jobs: [{name: merge, command: x, input_files: ["f_{i}"]}]
"""
    assert only_job(text).input_files == [0, 1, 2]


def test_who_depends_on_a_shared_name_depends_on_all_its_jobs() -> None:
    text = """
jobs:
  - {name: a, command: x, parameters: {i: "1:3"}}
  - {name: b, command: x, depends_on: [a]}
"""
    assert [len(job.depends_on) for job in draft(text).jobs] == [0, 0, 0, 3]


def test_equal_names_are_reported_in_one_warning_with_their_number() -> None:
    text = 'jobs: [{name: a, command: x, parameters: {i: "1:3"}}, {name: b, command: x}, {name: b, command: x}]'
    _, report = read_workflow(text, file_name="wf.yaml", user="ann")
    (warning,) = report.warnings
    assert "3 jobs have the name 'a', and 1 more names are shared" in warning


def test_a_regular_expression_is_searched_anywhere_in_the_name_and_never_finds_the_job_itself() -> None:
    text = """
jobs:
  - {name: job_1, command: x}
  - {name: job_10, command: x}
  - {name: other, command: x}
  - {name: last, command: x, depends_on_regexes: [".*"]}
  - {name: some, command: x, depends_on_regexes: ["job_1"], depends_on: [other]}
  - {name: one, command: x, depends_on_regexes: ["^job_1$"]}
"""
    found = dependencies(text.replace('[".*"]', '["job|other|last"]'))
    assert found["last"] == ["job_1", "job_10", "other"]
    assert found["some"] == ["job_1", "job_10", "other"]
    assert found["one"] == ["job_1"]


def test_values_inside_a_regular_expression_are_escaped() -> None:
    text = """
jobs:
  - {name: "v1.5", command: x}
  - {name: "v1x5", command: x}
  - {name: "after_{v}", command: x, parameters: {v: [1.5]}, depends_on_regexes: ["^v{v}$"]}
"""
    assert dependencies(text)["after_1.5"] == ["v1.5"]


def test_variables_become_paths_and_data_and_add_to_the_lists() -> None:
    text = """
files: [{name: in, path: a/in.txt}, {name: out, path: a/out.txt}, {name: extra, path: a/extra}]
user_data: [{name: conf, data: {b: 1, a: "ü"}}]
jobs:
  - name: j
    command: run ${files.input.in} -o ${files.output.out} '${user_data.input.conf}' ${HOME} ${files.input.in}
    invocation_script: wrap ${files.input.extra}
    input_files: [extra]
"""
    job = only_job(text)
    assert job.command == 'run a/in.txt -o a/out.txt \'{"b":1,"a":"ü"}\' ${HOME} a/in.txt'
    assert job.invocation_script == "wrap a/extra"
    assert (job.input_files, job.output_files, job.input_user_data) == ([2, 0], [1], [0])


def test_an_expansion_past_the_bound_is_refused_with_its_count() -> None:
    text = 'jobs: [{name: a, command: x, parameters: {i: "1:1000", j: "1:1000", k: "1:1000"}}]'
    with pytest.raises(SpecError, match="1000000000 jobs; the most is 1000000"):
        draft(text)


def test_stdio_of_a_job_becomes_an_override_for_each_of_its_names() -> None:
    text = """
execution_config: {stdio: {mode: separate}}
jobs:
  - {name: "a_{i}", command: x, parameters: {i: "1:2"}, stdio: {mode: combined, delete_on_success: true}}
  - {name: b, command: x}
"""
    config = draft(text).workflow.execution_config
    assert config is not None
    assert config.stdio is not None
    assert config.stdio.mode == "separate"
    overrides = {name: stdio.mode for name, stdio in (config.job_stdio_overrides or {}).items()}
    assert overrides == {"a_1": "combined", "a_2": "combined"}
