"""The page of all example workflows, and the JSON Schema that lies beside them."""

import json
from collections import defaultdict

from docs_build.markdown import NOTICE, code, table
from torc_cli.commands.examples import all_examples
from torc_cli.commands.spec import workflow_schema

_INTRODUCTION = """# Example workflows

`torc examples list` lists them, `torc examples show NAME` prints one, and `torc examples copy NAME` copies it with what
it needs. Those for Slurm want your account in place of `my_account`; look at them with
`torc workflows execution-plan FILE` before you `torc submit`.
"""
_SUFFIXES = ("yaml", "json", "json5", "kdl")


def examples_page() -> str:
    """Return the page, one row for each workflow, with the languages it is written in."""
    languages: dict[str, list[str]] = defaultdict(list)
    texts: dict[str, str] = {}
    for example in all_examples():
        name, _, suffix = example.name.rpartition(".")
        languages[name].append(suffix)
        texts[name] = example.description
    rows = [
        (code(name), text, ", ".join(sorted(languages[name], key=_SUFFIXES.index)))
        for name, text in sorted(texts.items())
    ]
    return "\n\n".join([NOTICE, _INTRODUCTION.rstrip(), table(("name", "what it shows", "written in"), rows)]) + "\n"


def schema_file() -> str:
    """Return the JSON Schema of workflow files, for editors that open the examples."""
    return json.dumps(workflow_schema(), indent=1) + "\n"
