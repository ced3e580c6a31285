"""Workflow files in YAML, JSON, JSON5 and KDL: the same values, and complaints with their places."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from torc_core.errors import SpecError
from torc_core.spec.build import check_workflow, read_workflow
from torc_core.spec.load import read_source

SINGULARS = {
    "jobs": "job",
    "files": "file",
    "user_data": "user_data",
    "resource_requirements": "resource_requirements",
    "failure_handlers": "failure_handler",
    "slurm_schedulers": "slurm_scheduler",
    "actions": "action",
    "rules": "rule",
}
FORMATS = ("yaml", "json", "json5", "kdl")


def as_json5(value: Any, depth: int = 0) -> str:
    """JSON5 with what JSON does not have: bare keys, single quotes, comments, commas at the end."""
    if isinstance(value, dict):
        keys = (key if key.isidentifier() and key.isascii() else quoted(key) for key in value)
        lines = (f"{key}: {as_json5(item, depth + 1)}," for key, item in zip(keys, value.values(), strict=True))
        return "{ // begins\n" + "\n".join(lines) + "/* ends */}"
    if isinstance(value, list):
        return "[" + "".join(f"{as_json5(item, depth + 1)}," for item in value) + "]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(text: str) -> str:
    return "'" + json.dumps(text)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


def as_kdl(spec: dict[str, Any], *, depth: int = 0) -> str:
    """KDL of version 2 as people write it: a node for each record, its name as argument."""
    return "".join(node(key, value, "    " * depth, depth) for key, value in spec.items())


def node(key: str, value: Any, indent: str, depth: int) -> str:
    word = json.dumps(key) if not key.isidentifier() else key
    if key == "data":
        return f"{indent}{word} {text_of(json.dumps(value))}\n"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "".join(record(SINGULARS[key], item, indent, depth) for item in value)
    if isinstance(value, dict):
        return f"{indent}{word} {{\n{as_kdl(value, depth=depth + 1)}{indent}}}\n"
    values = value if isinstance(value, list) else [value]
    return f"{indent}{word} {' '.join(map(text_of, values))}\n"


def record(word: str, item: dict[str, Any], indent: str, depth: int) -> str:
    name = f" {text_of(item['name'])}" if "name" in item else ""
    rest = {key: value for key, value in item.items() if key != "name"}
    return f"{indent}{word}{name} {{\n{as_kdl(rest, depth=depth + 1)}{indent}}} // {word}\n"


def text_of(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return f"#{json.dumps(value)}"
    if not isinstance(value, str):
        return json.dumps(value)
    escaped = json.dumps(value, ensure_ascii=False)
    # JSON writes \u001f where KDL writes \u{1f}
    for char in {char for char in value if ord(char) < 32 and char not in "\n\r\t\b\f"} | ({"\x7f"} & set(value)):
        escaped = escaped.replace(f"\\u{ord(char):04x}", f"\\u{{{ord(char):x}}}").replace(char, f"\\u{{{ord(char):x}}}")
    return escaped


class QuotingDumper(yaml.SafeDumper):
    """Quotes what looks like a number: its own rules are those of YAML 1.1, where 1e9 is text."""


QuotingDumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if text.lstrip()[:1] in set("0123456789+-.") else None
    ),
)


def written(spec: dict[str, Any], suffix: str) -> str:
    match suffix:
        case "yaml":
            text: str = yaml.dump(spec, Dumper=QuotingDumper, sort_keys=False, allow_unicode=True)
            return text
        case "json":
            return json.dumps(spec, indent=1)
        case "json5":
            return as_json5(spec)
        case _:
            return as_kdl(spec)


# characters that every one of the languages takes as they are, or has an escape for
TEXTS = st.text(
    st.characters(
        min_codepoint=32,
        max_codepoint=0x2FFF,
        exclude_characters="\x85\u2028\u2029\ufeff\x7f{}$",
        exclude_categories=("Cs", "Cc", "Cf", "Zs"),
    )
    | st.sampled_from(" \n\t\"'\\#/"),
    min_size=1,
    max_size=30,
).filter(lambda text: bool(text.strip()))
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    files = draw(st.lists(NAMES, max_size=3, unique=True))
    spec: dict[str, Any] = {"name": draw(TEXTS), "description": draw(TEXTS)}
    if draw(st.booleans()):
        spec["env"] = {name.upper(): draw(TEXTS) for name in draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))}
    spec["variables"] = {"place": draw(TEXTS), "bound": draw(st.integers(2, 4)), "share": 0.25}
    spec["parameters"] = {"shared": draw(st.lists(NAMES, min_size=2, max_size=3, unique=True))}
    spec["dynamic_jobs"] = {"max_iterations": draw(st.integers(1, 9))}
    spec["slurm_schedulers"] = [{"name": "s", "account": "{place}", "serialize_allocations": draw(st.booleans())}]
    if files:
        spec["files"] = [{"name": name, "path": draw(TEXTS)} for name in files]
    if draw(st.booleans()):
        spec["user_data"] = [{"name": "datum", "data": draw(DATA), "is_ephemeral": draw(st.booleans())}]
    spec["resource_requirements"] = [
        {"name": "r", "num_cpus": draw(st.integers(1, 64)), "memory": "2g", "runtime": "PT5M"}
    ]
    spec["failure_handlers"] = [
        {
            "name": "h",
            "rules": [
                {
                    "exit_codes": draw(st.lists(st.integers(1, 255), min_size=1, max_size=3, unique=True)),
                    "max_retries": 3,
                }
            ],
        }
    ]
    jobs: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        command = f"{draw(TEXTS)} {{place}} {{share:.1f}}"
        job: dict[str, Any] = {"name": f"{name}_{{i}}", "command": command, "parameters": {"i": "1:{bound}"}}
        if draw(st.booleans()):
            job |= {"parameters": {"i": "[1, 2]", "k": [3, 4]}, "parameter_mode": "zip"}
        if draw(st.booleans()):
            job["labels"] = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
        else:
            job["scheduler"] = "s"
        if draw(st.booleans()):
            job["stdio"] = {"mode": "combined", "delete_on_success": draw(st.booleans())}
        job["priority"] = draw(st.integers(0, 9))
        job["cancel_on_blocking_job_failure"] = draw(st.booleans())
        if draw(st.booleans()):
            job |= {"resource_requirements": "r", "failure_handler": "h"}
        if place:
            job["depends_on"] = [f"{names[place - 1]}_1", f"{names[place - 1]}_2"]
        if files and place == 0:
            job["input_files"] = files
        jobs.append(job)
    jobs.append({"name": "of_{shared}", "command": "x", "use_parameters": ["shared"]})
    spec["jobs"] = jobs
    spec["actions"] = [
        {
            "trigger_type": "on_jobs_complete",
            "action_type": "run_commands",
            "jobs": [f"{names[0]}_1"],
            "commands": draw(st.lists(TEXTS, min_size=1, max_size=2)),
        }
    ]
    spec["resource_monitor"] = {"enabled": draw(st.booleans()), "jobs": {"granularity": "summary"}}
    return spec


@given(specs())
@settings(max_examples=60, deadline=None)
def test_the_same_workflow_is_the_same_in_every_format(spec: dict[str, Any]) -> None:
    drafts = {}
    for suffix in FORMATS:
        text = written(spec, suffix)
        drafts[suffix], _ = read_workflow(text, file_name=f"w.{suffix}", user="ann")
        assert read_source(text, file_name=f"w.{suffix}").value == spec, (suffix, text)
    assert drafts["json"] == drafts["yaml"]
    assert drafts["json5"] == drafts["yaml"]
    assert drafts["kdl"] == drafts["yaml"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_standard_input_is_read_as_what_it_is(suffix: str) -> None:
    spec = {"name": "w", "jobs": [{"name": "a", "command": "x"}]}
    draft, _ = read_workflow(written(spec, suffix), file_name="<stdin>", user="ann")
    assert [job.name for job in draft.jobs] == ["a"]


YAML = """name: w
jobs:
- name: a
  comand: x
- {name: b, command: y, priority: high}
- {name: c, command: z, depends_on: [aa]}
"""
JSON = """{"name": "w",
 "jobs": [
 {"name": "a",
  "comand": "x"},
 {"name": "b", "command": "y",
  "priority": "high"}, {"name": "c", "command": "z",
  "depends_on": ["aa"]}]}
"""
JSON5 = """{name: 'w',
 jobs: [ // the jobs
 {name: 'a',
  comand: 'x'},
 {name: 'b', command: 'y',
  priority: 'high'}, {name: 'c', command: 'z',
  depends_on: ['aa'],}]}
"""
KDL = """name "w"
/* a comment */ job "a" {
    /- command "this one is out"
    comand "x"
}
job "b" { command "y"; priority "high"; }
job "c" {
    command "z"; depends_on "aa"
}
"""
PLACES = {
    "yaml": ("4:3", "5:25", "6:38"),
    "json": ("4:3", "6:3", "7:18"),
    "json5": ("4:3", "6:3", "7:16"),
    "kdl": ("4:5", "6:24", "8:18"),
}


@pytest.mark.parametrize(("suffix", "text"), list(zip(FORMATS, (YAML, JSON, JSON5, KDL), strict=True)))
def test_mistakes_are_named_with_place_key_and_the_nearest_key_in_every_format(suffix: str, text: str) -> None:
    errors = check_workflow(text, file_name=f"w.{suffix}").errors
    key, kind, name = PLACES[suffix]
    assert f"w.{suffix}:{key}: jobs[0].comand: unknown key 'comand'; did you mean 'command'?" in errors
    assert f"w.{suffix}:{kind}: jobs[1].priority: expected a whole number, got 'high'" in errors
    assert any(error.startswith(f"w.{suffix}:{name}: jobs[2].depends_on[0]: ") for error in errors), errors


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        ("yaml", "name: w\njobs: [}\n", "w.yaml:2:8: not valid YAML: "),
        ("json", '{"name": "w",\n "jobs": [}', "w.json:2:11: not valid JSON: Expecting value"),
        ("json5", "{name: 'w',\n jobs: [}", 'w.json5:2:9: not valid JSON5: Unexpected "}"'),
        ("json5", "{a: 1,\n // c\n 'a': 2}", "w.json5:3:2: a: the key 'a' is given twice, first on line 1"),
        ("kdl", 'name "w"\njob "a" {\n  command "x\n}\n', "w.kdl:3:11: not valid KDL: a text is not closed"),
        ("kdl", 'name "w"\njob "a" {\n  command "x"\n', "w.kdl:2:9: the block that begins here is not closed"),
        ("kdl", 'job "a" {\n  command "x"\n}}\n', "w.kdl:3:2: not valid KDL: '}' closes no block"),
        ("kdl", 'job "a" {\n  command "x"\n  priority 1x\n}\n', "w.kdl:3:3: not valid KDL: "),
        (
            "kdl",
            'job "a" {\n  command "x"\n  command "y"\n}\n',
            "w.kdl:3:3: jobs[0].command: the key 'command' is given twice",
        ),
        ("kdl", 'job "a" "b" { command "x"; }\n', "w.kdl:1:1: jobs[0]: has one name, and 'b' is one too many"),
        ("kdl", 'job "a" {\n  command\n}\n', "w.kdl:2:3: jobs[0].command: the node 'command' needs a value"),
        ("kdl", 'user_data "d" { data "{"; }\n', "w.kdl:1:17: user_data[0].data: is text that is no JSON"),
        ("kdl", "a {" * 70, "nested deeper than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(suffix: str, text: str, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        read_source(text, file_name=f"w.{suffix}")
    assert message in refused.value.message


def test_kdl_of_version_1_and_the_words_of_other_programs_are_read() -> None:
    text = """
name "pipeline"
env { MODE "fast"; }
file "raw" path="raw.csv"
file "part_{i}" { path "part_{i}.csv"; parameters { i "1:2"; }; }
resource_requirements "small" { num_cpus 1; memory "1g"; runtime "PT5M"; }
failure_handler "again" { rule { exit_codes 3 4; max_retries 2; }; rule { match_all_exit_codes true; }; }
job "split" { command r"split \\d raw.csv"; input_file "raw"; output_file "part_1"; output_file "part_2"; }
job "work_{i}" {
    command "work part_{i}.csv"
    depends_on_job "split"
    input_file "part_{i}"
    cancel_on_blocking_job_failure false
    stdio mode="combined"
    parameters { i "1:2"; }
    resource_requirements "small"
    failure_handler "again"
}
user_data "settings" { data "{\\"depth\\": [1, 2]}"; }
action { trigger_type "on_jobs_complete"; action_type "run_commands"; job "split"; job_name_regexes "^work_"
    command "echo one"
    command "echo two"
}
resource_monitor { granularity "time_series"; jobs { enabled true; }; }
"""
    draft, report = read_workflow(text, file_name="w.kdl", user="ann")
    assert report.valid
    assert [job.name for job in draft.jobs] == ["split", "work_1", "work_2"]
    assert draft.jobs[0].command == "split \\d raw.csv"
    assert (draft.jobs[1].depends_on, draft.jobs[1].cancel_on_blocking_job_failure) == ([0], False)
    assert draft.user_data[0].data == {"depth": [1, 2]}
    assert draft.actions[0].action_config == {"commands": ["echo one", "echo two"]}
    assert draft.actions[0].jobs == [0, 1, 2]
    assert [rule.exit_codes for rule in draft.failure_handlers[0].rules] == [[3, 4], []]
    assert draft.workflow.execution_config is not None


def test_labels_take_parameters_and_are_checked() -> None:
    text = "jobs: [{name: 'j{i}', command: x, labels: ['site{i}', gpu], parameters: {i: '1:2'}}, {name: k, command: x}]"
    draft, _ = read_workflow(text, file_name="w.yaml", user="ann")
    assert [job.labels for job in draft.jobs] == [["gpu", "site1"], ["gpu", "site2"], None]
    (error,) = check_workflow("jobs: [{name: a, command: x, labels: ['a,b']}]", file_name="w.yaml").errors
    assert error.startswith("w.yaml:1:30: jobs[0].labels: 'a,b' is no label")
