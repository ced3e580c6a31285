"""Tables of parameters: one item for each row, in the order of the table."""

import pytest

from torc_core.api.drafts import WorkflowDraft
from torc_core.errors import InvalidInputError
from torc_core.spec.build import check_workflow, read_workflow
from torc_core.spec.tables import parse_table

CSV = 'model,lr,tag\nresnet,0.001,"a, b"\n\nvit,1e-4, c\n'
JSON = '[{"model": "resnet", "lr": 0.001, "tag": "a, b"}, {"lr": 0.0001, "tag": "c", "model": "vit"}]'
LINES = '{"model": "resnet", "lr": 0.001, "tag": "a, b"}\n\n{"model": "vit", "lr": 0.0001, "tag": "c"}\n'
TABLES = {"t.csv": CSV, "t.json": JSON, "t.jsonl": LINES, "t.ndjson": LINES, "empty.csv": "a,b\n", "T.CSV": CSV}


def read_table(name: str) -> str:
    if name not in TABLES:
        raise InvalidInputError(f"{name}: No such file or directory")
    return TABLES[name]


def draft(text: str) -> WorkflowDraft:
    made, report = read_workflow(text, file_name="w.yaml", user="ann", read_table=read_table)
    assert report.warnings == []
    return made


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.jsonl", "t.ndjson", "T.CSV"])
def test_each_row_of_a_table_makes_one_job(name: str) -> None:
    entry = f"{{name: 'train_{{model}}', command: 'x {{lr:.4f}} {{lr}} {{tag}}', parameters_file: {name}}}"
    made = draft(f"jobs: [{entry}]\n")
    assert [job.name for job in made.jobs] == ["train_resnet", "train_vit"]
    assert [job.command for job in made.jobs] == ["x 0.0010 0.001 a, b", "x 0.0001 0.0001 c"]


def test_a_shared_table_applies_where_it_is_asked_for_and_groups_find_each_other() -> None:
    made = draft("""parameters_file: t.csv
files: [{name: "f_{model}", path: "{model}.pt", use_parameters_file: true}]
user_data: [{name: "d_{model}", data: {lr: "{lr}"}, use_parameters_file: true}]
jobs:
  - {name: "train_{model}", command: x, output_files: ["f_{model}"], use_parameters_file: true}
  - {name: "eval_{model}", command: x, depends_on: ["train_{model}"], use_parameters_file: true}
  - {name: all, command: x, depends_on: ["eval_{model}"]}
""")
    assert [file.path for file in made.files] == ["resnet.pt", "vit.pt"]
    assert [datum.data for datum in made.user_data] == [{"lr": "0.001"}, {"lr": "0.0001"}]
    assert [job.depends_on for job in made.jobs] == [[], [], [0], [1], [2, 3]]
    assert [job.output_files for job in made.jobs[:2]] == [[0], [1]]


def test_the_name_of_a_table_may_hold_variables_and_columns_are_no_unknown_names() -> None:
    made = draft("variables: {t: t}\njobs: [{name: '{model}', command: 'x {lr}', parameters_file: '{t}.csv'}]\n")
    assert [job.name for job in made.jobs] == ["resnet", "vit"]


JOB = "jobs: [{name: 'j_{model}', command: x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{JOB}, parameters_file: no.csv}}]",
            "w.yaml:1:40: jobs[0].parameters_file: no.csv: No such file or directory",
        ),
        (
            f"{JOB}, parameters_file: t.csv, parameters: {{a: 1}}}}]",
            "w.yaml:1:64: jobs[0].parameters: cannot stand beside parameters_file: each row of a table makes one item",
        ),
        (
            f"parameters_file: t.csv\n{JOB}, parameters_file: t.csv, use_parameters_file: true}}]",
            "w.yaml:2:64: jobs[0].use_parameters_file: cannot stand beside parameters_file: "
            "each row of a table makes one item",
        ),
        (
            f"{JOB}, use_parameters_file: true}}]",
            "w.yaml:1:40: jobs[0].use_parameters_file: the workflow has no parameters_file",
        ),
        (
            f"{JOB}, parameters_file: empty.csv}}]",
            "w.yaml:1:40: jobs[0].parameters_file: the table 'empty.csv' holds no row",
        ),
        (
            f"{JOB}, parameters_file: t.txt}}]",
            "w.yaml:1:40: jobs[0].parameters_file: t.txt: No such file or directory",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_reported_where_it_is_named(text: str, message: str) -> None:
    assert check_workflow(text, file_name="w.yaml", read_table=read_table).errors == [message]


def test_a_text_without_a_file_has_no_tables() -> None:
    (error,) = check_workflow(f"{JOB}, parameters_file: t.csv}}]", file_name="w.yaml").errors
    assert error.endswith("the table 't.csv' cannot be read here: the workflow is no file")


def test_a_shared_table_or_parameter_that_nobody_uses_is_a_warning() -> None:
    text = "parameters_file: t.csv\nparameters: {i: '1:2'}\njobs: [{name: a, command: x}]\n"
    assert check_workflow(text, file_name="w.yaml", read_table=read_table).warnings == [
        "w.yaml:1:1: parameters_file: no entry uses the shared table; write use_parameters_file: true there",
        "w.yaml:2:14: parameters.i: no entry uses the shared parameter 'i'; name it in use_parameters",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "a,b\n1\n", "t.csv:2: 1 values for 2 columns"),
        ("t.csv", "a,a\n1,2\n", "t.csv:1: the column 'a' is given twice"),
        ("t.csv", "a b\n1\n", "t.csv:1: 'a b' cannot name a parameter"),
        ("t.csv", 'a\n"1\n', "t.csv:2: not valid CSV: "),
        ("t.csv", "", "the table 't.csv' holds no row"),
        ("t.json", "{}", "t.json:1: a table is an array of objects, not {}"),
        ("t.json", "[1]", "t.json: row 1 is no object: 1"),
        ("t.json", "[{]", "t.json:1: not valid JSON: "),
        ("t.json", '[{"a": [1]}]', "t.json: row 1: expected a number or a text"),
        ("t.json", '[{"a": 1}, {"b": 1}]', "t.json: row 2 "),
        ("t.jsonl", '{"a": 1}\n{"a"}\n', "t.jsonl:2: not valid JSON: "),
        ("t.jsonl", '{"a": 1}\n{"a" 2}\n', "t.jsonl:2: not valid JSON: Expecting ':' delimiter at column 6"),
        ("t.jsonl", '{"a": 1}\n{"a": 1, "a": 2}\n', "t.jsonl:2: the key 'a' is given twice"),
        ("t.json", '[{"a": 1, "a": 2}]', "t.json: the key 'a' is given twice"),
        ("t.txt", "a", "'t.txt' has the suffix of no table; use .csv, .json, .jsonl or .ndjson"),
    ],
)
def test_a_table_that_is_none_is_refused_with_its_line(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_table(text, name)
    assert refused.value.message.startswith(message)


def test_values_of_csv_are_numbers_where_they_look_like_numbers() -> None:
    assert parse_table("\ufeffa,b,c,d\r\n007,1.50,x y,\r\n", "t.csv").rows == [(7, 1.5, "x y", "")]
