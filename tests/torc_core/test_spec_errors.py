"""What is wrong with a file is reported with its place, all at once."""

import pytest

from torc_core.errors import SpecError
from torc_core.spec.build import check_workflow, read_workflow

JOB = "jobs: [{name: a, command: x}]\n"


def complaint(text: str, file_name: str = "wf.yaml") -> str:
    with pytest.raises(SpecError) as caught:
        read_workflow(text, file_name=file_name, user="ann")
    return caught.value.message


def warnings(text: str) -> list[str]:
    return read_workflow(text, file_name="wf.yaml", user="ann")[1].warnings


def test_all_problems_are_listed_in_the_order_of_the_file_with_line_and_key() -> None:
    text = """name: w
descripton: typo
jobs:
  - name: a
    command: x
    depends_on: [b, c]
    priority: high
  - name: b
    comand: x
    resource_requirements: biig
    depends_on_regexes: ["("]
resource_requirements:
  - name: big
    num_cpus: 1
    memory: 8 gigs
    runtime: 1h
  - {name: big, num_cpus: 1, memory: 1g}
failure_handlers:
  - name: h
    rules:
      - exit_codes: [1]
        max_retries: -1
"""
    lines = complaint(text).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["wf.yaml:2:1", "descripton"],
        ["wf.yaml:6:21", "jobs[0].depends_on[1]"],
        ["wf.yaml:7:5", "jobs[0].priority"],
        ["wf.yaml:8:5", "jobs[1].command"],
        ["wf.yaml:9:5", "jobs[1].comand"],
        ["wf.yaml:10:5", "jobs[1].resource_requirements"],
        ["wf.yaml:11:26", "jobs[1].depends_on_regexes[0]"],
        ["wf.yaml:15:5", "resource_requirements[0].memory"],
        ["wf.yaml:16:5", "resource_requirements[0].runtime"],
        ["wf.yaml:17:6", "resource_requirements[1].name"],
        ["wf.yaml:22:9", "failure_handlers[0].rules[0].max_retries"],
    ]
    assert "did you mean 'description'?" in lines[0]
    assert "did you mean 'command'?" in lines[4]
    assert "did you mean 'big'?" in lines[5]


def test_json_problems_have_lines_too() -> None:
    text = (
        '{\n "jobs": [\n  {"name": "a", "command": "x"},\n  {"name": "b",\n   "command": "x",\n   "deps": ["a"]}\n ]\n}'
    )
    assert complaint(text, "wf.json").startswith("wf.json:6:4: jobs[1].deps: unknown key 'deps'")


def test_no_more_than_twenty_problems_are_listed_and_the_rest_is_counted() -> None:
    text = JOB + "".join(f"key_{i}: 1\n" for i in range(30))
    lines = complaint(text).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "wf.yaml: … and 10 more"


def test_a_wrong_name_in_a_large_group_is_reported_once() -> None:
    text = 'jobs: [{name: "a_{i}", command: x, depends_on: ["b_{i}"], parameters: {i: "1:5000"}}]'
    assert complaint(text).count("\n") == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "wf.yaml:1:1: the file is empty"),
        ("# nothing\n", "wf.yaml:1:1: the file is empty"),
        ("- a\n", "wf.yaml:1:1: a workflow is a mapping"),
        ("hello", "wf.yaml:1:1: a workflow is a mapping"),
        ("name: a\n", "wf.yaml:1:1: jobs: the key 'jobs' is missing"),
        ("name: a\njobs: []\n", "wf.yaml:2:1: jobs: a workflow needs at least one job"),
        ("name: a\njobs: {a: 1}\n", "wf.yaml:2:1: jobs: expected a list"),
        ("name: a\njobs: [\n", "wf.yaml:2:1: not valid YAML"),
        ("name: a\nname: b\n", "wf.yaml:2:1: name: the key 'name' is given twice, first on line 1"),
        ("jobs:\n  - name: a\n    command: x\n    command: y\n", "wf.yaml:4:5: jobs[0].command: the key 'command'"),
        ("jobs:\n\t- name: a\n", "wf.yaml:2:1: not valid YAML: found character that cannot start any token"),
        ("jobs: [{name: a_{i}, command: x}]", "in quotes"),
        ("a: !!python/object:os.system x\n", "wf.yaml:1:4: a: the tag"),
        ("a: 1\n---\nb: 1\n", "wf.yaml:2:1: file: holds a second document"),
        ("a: *b\n", "the alias *b has no anchor"),
        ("a: &a [*a]\n", "the alias *a refers to itself"),
        ("? [a]\n: b\n", "a key has to be a plain word"),
        ("name: \x01\n", "wf.yaml:1:7: not valid YAML: control characters are not allowed"),
        ('name: "\\0"\n' + JOB, "wf.yaml:1:1: name: holds a NUL character"),
        ('name: "a\\ud800"\n' + JOB, "wf.yaml:1:11: not valid YAML: found invalid Unicode character"),
        ("metadata: {a: 1e999}\n" + JOB, "wf.yaml:1:12: metadata.a: is not a finite number"),
        ("name: 5\n" + JOB, "wf.yaml:1:1: name: expected text, got 5; put it in quotes"),
        ("name: ''\n" + JOB, "wf.yaml:1:1: name: must not be empty"),
        ("enable_ro_crate: yes\n" + JOB, "expected true or false, got 'yes'; only the words true and false are"),
        ("jobs: [{name: a, command: x, depends_on: b}]", "jobs[0].depends_on: expected a list, got 'b'; write [b]"),
        ("jobs: [{name: a, command: x, priority: -1}]", "jobs[0].priority: must be 0 or more, got -1"),
        ("jobs: [{name: a, command: x, priority: 1.5}]", "expected a whole number"),
        ("jobs: [{name: a, command: x, env: [A]}]", "jobs[0].env: expected a mapping"),
        ("jobs: [{name: a, command: x, env: {A=B: 1}}]", "cannot be the name of an environment variable"),
        ("jobs: [{name: a, command: x, stdio: {mode: lost}}]", "expected one of 'separate', 'combined'"),
        ("jobs: [{name: a, command: x, stdio: {made: x}}]", "unknown key 'made'; did you mean 'mode'?"),
        ("execution_config: {oom_code: 1}\n" + JOB, "did you mean 'oom_exit_code'?"),
        ("execution_config: {srun_mpi: pmix}\n" + JOB, "has no meaning with the mode direct"),
        ("execution_config: {mode: slurm, oom_exit_code: 1}\n" + JOB, "has no meaning with the mode slurm"),
        ("slurm_defaults: {partition: x}\n" + JOB, "slurm_defaults.partition: is set by each scheduler"),
        ("metadata: '[1]'\n" + JOB, "metadata: expected a mapping"),
        ("metadata: '{'\n" + JOB, "metadata: expected a mapping, or a text that holds one as JSON"),
        ("slurm_schedulers: [{name: s, account: a, walltime: soon}]\n" + JOB, "no time limit of Slurm"),
        ("resource_requirements: [{name: r, num_cpus: 1, memory: 0g}]\n" + JOB, "must be more than nothing"),
        ("resource_requirements: [{name: r, memory: 1g}]\n" + JOB, "the key 'num_cpus' is missing"),
        ("resource_requirements: [{name: r, num_cpus: 1, memory: 1g, runtime: PT0S}]\n" + JOB, "more than nothing"),
        ("files: [{name: f, path: a}, {name: f, path: b}]\n" + JOB, "files[1].name: the name 'f' is given 2 times"),
        ("user_data: [{name: f}, {name: f}]\n" + JOB, "user_data[1].name: the name 'f' is given 2 times"),
        ("files: [{name: f, path: a, parameters: {i: '1:3'}}]\n" + JOB, "the name 'f' is given 3 times"),
        ("failure_handlers: [{name: f, rules: []}, {name: f, rules: []}]\n" + JOB, "the name 'f' is given twice"),
        ("parameters: {i: '1:3:0'}\n" + JOB, "parameters.i: the step of the range '1:3:0' is 0"),
        ("parameters: {'1 x': 1}\n" + JOB, "a parameter's name has letters"),
        ("jobs: [{name: a, command: x, parameter_mode: zipp}]", "did you mean 'zip'?"),
        ("jobs: [{name: 'a_{i:x}', command: x, parameters: {i: 1}}]", "jobs[0].name: the format 'x' is not known"),
        ("jobs: [{name: a, command: 'x {i:02d}', parameters: {i: [q]}}]", "jobs[0].command: the format '02d' is for"),
        ("jobs: [{name: a, command: x, failure_handler: h}]", "there is no failure handler 'h'"),
        ("jobs: [{name: a, command: x, scheduler: h}]", "there is no Slurm scheduler 'h'"),
        ("jobs: [{name: a, command: x, input_files: [h]}]", "there is no file 'h'"),
        ("jobs: [{name: a, command: x, output_user_data: [h]}]", "there is no user data 'h'"),
        ("jobs: [{name: a, command: 'x ${files.input.h}'}]", "jobs[0].command.${files.input.h}: there is no file 'h'"),
        ("jobs: [{name: a, command: x, depends_on_regexes: ['']}]", "must not be empty"),
        ("notifications: [{to: ops, on: []}]\n" + JOB, "notifications[0].on: must not be empty"),
        ("jobs: [{name: a, command: x, depends_on_regexes: ['(']}]", "is no regular expression"),
        ("jobs: [{name: a, command: x, input_file_regexes: ['z']}]", "matches no file"),
    ],
)
def test_a_mistake_is_explained(text: str, message: str) -> None:
    assert message in complaint(text)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("{trigger_type: on_job_ready, action_type: run_commands}", "did you mean 'on_jobs_ready'?"),
        ("{trigger_type: on_workflow_start, action_type: run_commands}", "run_commands needs a list of commands"),
        ("{trigger_type: on_jobs_ready, action_type: run_commands, commands: [x]}", "needs 'jobs'"),
        (
            "{trigger_type: on_jobs_ready, action_type: run_commands, commands: [x], jobs: [zz]}",
            "actions[0].jobs[0]: there is no job 'zz'",
        ),
        (
            "{trigger_type: on_jobs_ready, action_type: run_commands, commands: [x], job_name_regexes: [zz]}",
            "matches no job",
        ),
        ("{trigger_type: on_workflow_start, action_type: schedule_nodes}", "needs the name of a Slurm scheduler"),
        (
            "{trigger_type: on_workflow_start, action_type: schedule_nodes, scheduler: s, scheduler_type: slurm}",
            "there is no Slurm scheduler 's'",
        ),
        (
            "{trigger_type: on_workflow_start, action_type: schedule_nodes, scheduler: s, scheduler_type: pbs}",
            "expected one of 'slurm'",
        ),
    ],
)
def test_a_mistake_in_an_action_is_explained(action: str, message: str) -> None:
    found = complaint(f"{JOB}actions: [{action}]")
    assert message in found or message.replace("expected one of", "expected") in found


def test_a_circle_is_named_job_by_job() -> None:
    text = """jobs:
  - {name: a, command: x, depends_on: [c]}
  - {name: b, command: x, depends_on: [a]}
  - {name: c, command: x, depends_on: [b]}
"""
    assert complaint(text) == "wf.yaml:2:6: jobs[0].name: jobs wait for each other in a circle: a → c → b → a"


def test_a_circle_through_a_file_is_found() -> None:
    text = """files: [{name: f, path: f}]
jobs:
  - {name: a, command: x, output_files: [f], depends_on: [b]}
  - {name: b, command: x, input_files: [f]}
"""
    assert "in a circle: a → b → a" in complaint(text)


def test_a_job_that_depends_on_itself_is_a_circle() -> None:
    assert "in a circle: a → a" in complaint("jobs: [{name: a, command: x, depends_on: [a]}]")


def test_a_job_cannot_read_what_it_writes() -> None:
    text = "files: [{name: f, path: f}]\njobs: [{name: a, command: x, input_files: [f], output_files: [f]}]"
    assert "job 'a' reads 'f', which it writes itself" in complaint(text)


def test_nested_aliases_cannot_fill_the_memory() -> None:
    text = "x0: &x0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
    text += "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert "aliases repeat more than" in complaint(text)


@pytest.mark.parametrize(
    ("text", "name"), [("[" * 100_000, "wf.yaml"), ("- " * 100_000, "wf.yaml"), ("[" * 100_000, "wf.json")]
)
def test_endless_nesting_is_refused(text: str, name: str) -> None:
    assert "nested" in complaint(text, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "a": 2}', "wf.json:2:2: a: the key 'a' is given twice, first on line 1"),
        ('{"a": NaN}', "NaN is no finite number"),
        ('{"a" 1}', "wf.json:1:6: not valid JSON"),
        ('{"name": "\\ud800"}', "wf.json:1:2: name: holds half of a character"),
        ('{"jobs": [' + "9" * 5000 + "]}", "wf.json:1:11: not valid JSON: the number is too long"),
        ('{"name": "NaN",\n "jobs": NaN}', "wf.json:2:10: not valid JSON: NaN is no finite number"),
    ],
)
def test_a_mistake_in_json_is_explained(text: str, message: str) -> None:
    assert message in complaint(text, "wf.json")


def test_a_check_reports_without_raising() -> None:
    report = check_workflow("jobs: [{name: a, command: x, depends_on: [b]}]", file_name="wf.yaml")
    assert not report.valid
    assert report.errors == ["wf.yaml:1:43: jobs[0].depends_on[0]: there is no job 'b'"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{exit_codes: [1], max_retries: 1}", "never retries"),
        ("{exit_codes: [1], max_retries: 0}", "never retries"),
        ("{max_retries: 3}", "matches nothing"),
        ("{match_all_exit_codes: true}, {exit_codes: [2]}", "is never reached"),
        ("{exit_codes: [1, 2]}, {exit_codes: [2]}", "is never reached"),
        ("{exit_codes: [300, -1, 0, 7]}", "300, -1, 0: no failure has these exit codes"),
        ("{exit_codes: [1, 256]}", "256: no failure has this exit code"),
    ],
)
def test_a_strange_rule_is_a_warning(rule: str, message: str) -> None:
    text = f"failure_handlers: [{{name: h, rules: [{rule}]}}]\njobs: [{{name: a, command: x, failure_handler: h}}]"
    (warning,) = warnings(text)
    assert message in warning


def test_requirements_without_a_cpu_are_refused() -> None:
    text = "resource_requirements: [{name: r, num_cpus: 0, memory: 1m}]\n"
    assert "resource_requirements[0].num_cpus: must be 1 or more, got 0" in complaint(text + JOB)


def test_an_unknown_key_of_the_resource_monitor_is_a_warning_with_the_nearest_key() -> None:
    text = "resource_monitor:\n  metrics: [cpu]\n  jobs: {enable: true}\n  granularity: time_series\n"
    draft, report = read_workflow(text + JOB, file_name="wf.yaml", user="ann")
    assert report.warnings == [
        "wf.yaml:2:3: resource_monitor.metrics: unknown key 'metrics'; it has no effect",
        "wf.yaml:3:10: resource_monitor.jobs.enable: unknown key 'enable'; did you mean 'enabled'?; it has no effect",
    ]
    assert draft.workflow.resource_monitor_config is not None
    assert draft.workflow.resource_monitor_config.granularity == "time_series"


def test_an_unused_handler_is_a_warning() -> None:
    (warning,) = warnings("failure_handlers: [{name: h, rules: [{exit_codes: [1]}]}]\n" + JOB)
    assert warning == "wf.yaml:1:21: failure_handlers[0].name: no job uses the failure handler 'h'"


def test_an_ordinary_file_has_no_warnings() -> None:
    assert warnings(JOB) == []


def test_user_data_that_nobody_writes_and_that_holds_nothing_is_a_warning() -> None:
    text = """user_data: [{name: d}, {name: e}, {name: f, data: 1}]
jobs:
  - {name: a, command: x, input_user_data: [d, f], output_user_data: [e]}
  - {name: b, command: x, input_user_data: [e]}
"""
    assert warnings(text) == [
        "wf.yaml:1:14: user_data[0].name: no job writes 'd', and it holds nothing: a run cannot begin"
    ]


def test_records_and_files_that_no_job_uses_are_warnings() -> None:
    text = """files: [{name: "f{i}", path: "f{i}", parameters: {i: "1:2"}}, {name: g, path: g}]
resource_requirements: [{name: r, num_cpus: 1, memory: 1g}]
jobs: [{name: a, command: x, input_files: [f1]}]
"""
    assert warnings(text) == [
        "wf.yaml:1:64: files[1].name: no job reads or writes the file 'g'",
        "wf.yaml:2:26: resource_requirements[0].name: no job uses the resource requirement 'r'",
    ]
    assert len(warnings(f"dynamic_jobs: {{max_iterations: 2}}\n{text}")) == 1
