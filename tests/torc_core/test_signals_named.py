"""Signals that people name, and those that they make up."""

import signal

import pytest

from torc_core.signals import signal_number
from torc_core.spec.build import check_workflow


@pytest.mark.parametrize("name", ["SIGUSR1", "usr1", " Usr1 ", str(int(signal.SIGUSR1))])
def test_a_signal_has_several_names(name: str) -> None:
    assert signal_number(name) == signal.SIGUSR1


@pytest.mark.parametrize("name", ["", "SIG", "SIGFOO", "0", "999", "-9", "SIG_IGN"])
def test_other_words_are_no_signals(name: str) -> None:
    assert signal_number(name) is None


def test_a_workflow_file_with_a_signal_that_does_not_exist_is_refused() -> None:
    text = "jobs:\n  - {name: a, command: x}\nexecution_config:\n  termination_signal: SIGFOO\n"
    assert check_workflow(text, file_name="wf.yaml").errors == [
        "wf.yaml:4:3: execution_config.termination_signal: 'SIGFOO' is no signal; write for example SIGTERM"
    ]
    assert check_workflow(text.replace("SIGFOO", "int"), file_name="wf.yaml").valid
