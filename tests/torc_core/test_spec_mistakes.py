"""Ten kinds of mistakes in each of the four languages: what `torc create --dry-run` finds, and where."""

from typing import Final

import pytest

from torc_core.errors import SpecError
from torc_core.spec.build import check_workflow

# What is wrong, the file in each language, the place in each, and its report.
MISTAKES: Final[tuple[tuple[str, dict[str, str], dict[str, str], str], ...]] = (
    (
        "unknown key",
        {
            "yaml": "jobs:\n  - name: a\n    comand: x\n    command: x\n",
            "json": '{"jobs": [\n {"name": "a",\n  "comand": "x", "command": "x"}]}',
            "json5": "{jobs: [\n {name: 'a',\n  comand: 'x', command: 'x'}]}",
            "kdl": 'job "a" {\n  command "x"\n  comand "x"\n}\n',
        },
        {"yaml": "3:5", "json": "3:3", "json5": "3:3", "kdl": "3:3"},
        "jobs[0].comand: unknown key 'comand'; did you mean 'command'?",
    ),
    (
        "key that is missing",
        {
            "yaml": "jobs:\n  - name: a\n",
            "json": '{"jobs": [\n {"name": "a"}]}',
            "json5": "{jobs: [\n {name: 'a'}]}",
            "kdl": '\njob "a"\n',
        },
        {"yaml": "2:5", "json": "2:2", "json5": "2:2", "kdl": "2:1"},
        "jobs[0].command: the key 'command' is missing",
    ),
    (
        "wrong type",
        {
            "yaml": "jobs:\n  - name: a\n    command: x\n    priority: high\n",
            "json": '{"jobs": [\n {"name": "a", "command": "x",\n  "priority": "high"}]}',
            "json5": "{jobs: [\n {name: 'a', command: 'x',\n  priority: 'high'}]}",
            "kdl": 'job "a" {\n  command "x"\n  priority "high"\n}\n',
        },
        {"yaml": "4:5", "json": "3:3", "json5": "3:3", "kdl": "3:3"},
        "jobs[0].priority: expected a whole number, got 'high'",
    ),
    (
        "name that does not exist",
        {
            "yaml": "jobs:\n  - {name: first, command: x}\n  - name: b\n    command: x\n    depends_on: [frist]\n",
            "json": (
                '{"jobs": [{"name": "first", "command": "x"},\n'
                ' {"name": "b", "command": "x", "depends_on": [\n  "frist"]}]}'
            ),
            "json5": "{jobs: [{name: 'first', command: 'x'},\n {name: 'b', command: 'x', depends_on: [\n  'frist']}]}",
            "kdl": 'job "first" command="x"\njob "b" {\n  command "x"\n  depends_on "frist"\n}\n',
        },
        {"yaml": "5:18", "json": "3:3", "json5": "3:3", "kdl": "4:3"},
        "jobs[1].depends_on[0]: there is no job 'frist'; did you mean 'first'?",
    ),
    (
        "jobs in a circle",
        {
            "yaml": "jobs:\n  - {name: a, command: x, depends_on: [b]}\n  - {name: b, command: x, depends_on: [a]}\n",
            "json": (
                '{"jobs": [\n {"name": "a", "command": "x", "depends_on": ["b"]},\n'
                ' {"name": "b", "command": "x", "depends_on": ["a"]}]}'
            ),
            "json5": (
                "{jobs: [\n {name: 'a', command: 'x', depends_on: ['b']},\n"
                " {name: 'b', command: 'x', depends_on: ['a']}]}"
            ),
            "kdl": '\njob "a" { command "x"; depends_on "b"; }\njob "b" { command "x"; depends_on "a"; }\n',
        },
        {"yaml": "2:6", "json": "2:3", "json5": "2:3", "kdl": "2:1"},
        "jobs[0].name: jobs wait for each other in a circle: a → b → a",
    ),
    (
        "parameter without values",
        {
            "yaml": "jobs:\n  - name: a{i}\n    command: x\n    parameters: {i: '5:1'}\n",
            "json": '{"jobs": [\n {"name": "a{i}", "command": "x", "parameters":\n  {"i": "5:1"}}]}',
            "json5": "{jobs: [\n {name: 'a{i}', command: 'x', parameters:\n  {i: '5:1'}}]}",
            "kdl": 'job "a{i}" {\n  command "x"\n  parameters {\n    i "5:1"\n  }\n}\n',
        },
        {"yaml": "4:18", "json": "3:4", "json5": "3:4", "kdl": "4:5"},
        "jobs[0].parameters.i: the range '5:1' is empty; to count down, give a negative step",
    ),
    (
        "amount that is none",
        {
            "yaml": (
                "resource_requirements:\n  - {name: r, num_cpus: 1, memory: 8 gigs}\n"
                "jobs: [{name: a, command: x, resource_requirements: r}]\n"
            ),
            "json": (
                '{"resource_requirements": [\n {"name": "r", "num_cpus": 1,\n  "memory": "8 gigs"}],\n'
                '"jobs": [{"name": "a", "command": "x", "resource_requirements": "r"}]}'
            ),
            "json5": (
                "{resource_requirements: [\n {name: 'r', num_cpus: 1,\n  memory: '8 gigs'}],\n"
                "jobs: [{name: 'a', command: 'x', resource_requirements: 'r'}]}"
            ),
            "kdl": (
                'resource_requirements "r" {\n  num_cpus 1\n  memory "8 gigs"\n}\n'
                'job "a" { command "x"; resource_requirements "r"; }\n'
            ),
        },
        {"yaml": "2:28", "json": "3:3", "json5": "3:3", "kdl": "3:3"},
        "resource_requirements[0].memory: ",
    ),
    (
        "name given twice",
        {
            "yaml": "files:\n  - {name: f, path: a}\n  - {name: f, path: b}\njobs: [{name: a, command: x}]\n",
            "json": (
                '{"files": [{"name": "f", "path": "a"},\n {"name": "f", "path": "b"}],\n'
                '"jobs": [{"name": "a", "command": "x"}]}'
            ),
            "json5": (
                "{files: [{name: 'f', path: 'a'},\n {name: 'f', path: 'b'}],\njobs: [{name: 'a', command: 'x'}]}"
            ),
            "kdl": 'file "f" path="a"\nfile "f" path="b"\njob "a" command="x"\n',
        },
        {"yaml": "3:6", "json": "2:3", "json5": "2:3", "kdl": "2:1"},
        "files[1].name: the name 'f' is given 2 times, first in files[0]",
    ),
    (
        "word that is none of those there are",
        {
            "yaml": (
                "jobs: [{name: a, command: x}]\nactions:\n"
                "  - {trigger_type: on_job_complete, action_type: run_commands, commands: [x], jobs: [a]}\n"
            ),
            "json": (
                '{"jobs": [{"name": "a", "command": "x"}], "actions": [\n {"trigger_type": "on_job_complete",\n'
                '  "action_type": "run_commands", "commands": ["x"], "jobs": ["a"]}]}'
            ),
            "json5": (
                "{jobs: [{name: 'a', command: 'x'}], actions: [\n {trigger_type: 'on_job_complete',\n"
                "  action_type: 'run_commands', commands: ['x'], jobs: ['a']}]}"
            ),
            "kdl": (
                'job "a" command="x"\naction {\n  trigger_type "on_job_complete"\n  action_type "run_commands"\n'
                '  command "x"\n  job "a"\n}\n'
            ),
        },
        {"yaml": "3:6", "json": "2:3", "json5": "2:3", "kdl": "3:3"},
        "actions[0].trigger_type: expected one of ",
    ),
    (
        "text that cannot be read",
        {
            "yaml": "jobs:\n  - {name: a, command: [}\n",
            "json": '{"jobs": [\n {"name": "a" "command": "x"}]}',
            "json5": "{jobs: [\n {name: 'a' command: 'x'}]}",
            "kdl": 'job "a" {\n  command "x\n}\n',
        },
        {"yaml": "2:25", "json": "2:15", "json5": "2:13", "kdl": "2:11"},
        "not valid ",
    ),
)
CASES: Final = [
    pytest.param(language, text, places[language], message, id=f"{what}-{language}")
    for what, texts, places, message in MISTAKES
    for language, text in texts.items()
]


@pytest.mark.parametrize(("language", "text", "place", "message"), CASES)
def test_a_mistake_is_found_where_it_is_in_every_language(language: str, text: str, place: str, message: str) -> None:
    file_name = f"broken.{language}"
    try:
        errors = check_workflow(text, file_name=file_name).errors
    except SpecError as error:
        errors = error.message.splitlines()
    assert [error for error in errors if error.startswith(f"{file_name}:{place}: {message}")], errors
    assert len(errors) == 1


def test_there_are_ten_mistakes_in_four_languages() -> None:
    assert len(CASES) == 40
