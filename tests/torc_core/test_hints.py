"""Hints name commands as values; what they say survives HTTP."""

import pytest

from torc_core.api.system import ErrorDetail
from torc_core.errors import InvalidInputError, NotFoundError, ServerFaultError
from torc_core.hints import Hint, torc


def test_a_hint_reads_as_a_sentence() -> None:
    hint = Hint("look again: {}, or {}", torc("failures list", 3), torc("run", "my file.yaml"))
    assert str(hint) == "look again: torc failures list 3, or torc run 'my file.yaml'"
    assert hint.commands == (torc("failures list", 3), torc("run", "my file.yaml"))


def test_each_face_spells_the_commands_its_own_way() -> None:
    assert (
        Hint("`{}` shows them", torc("jobs list", 3)).spelled(lambda each: each.name.upper())
        == "`JOBS LIST` shows them"
    )


def test_text_from_elsewhere_may_hold_braces() -> None:
    assert str(Hint("write '{\"key\": {}}'")) == "write '{\"key\": {}}'"
    assert str(Hint("{} is kept: {}", "a{}b", torc("run", 1))) == "a{}b is kept: torc run 1"


def test_values_that_have_no_place_are_refused() -> None:
    with pytest.raises(ValueError, match="1 values for 0 places"):
        Hint("nothing", torc("run", 1))


def test_hints_can_be_put_together() -> None:
    hint = Hint.joined("; ", ["first", Hint("then {}", torc("run", 1))])
    assert str(hint) == "first; then torc run 1"
    assert Hint("In short: {}", hint).commands == (torc("run", 1),)


def test_an_error_survives_http_with_the_commands_of_its_hint() -> None:
    sent = NotFoundError("gone", hint=Hint("`{}` or `{}`", torc("jobs list", 3), torc("run", 3)), ids={"job_id": 7})
    body = ErrorDetail.of(sent).model_dump_json(exclude_none=True)
    assert '"hint":"`torc jobs list 3` or `torc run 3`"' in body
    assert '"next":[{"command":"jobs list","arguments":["3"]},{"command":"run","arguments":["3"]}]' in body
    received = ErrorDetail.model_validate_json(body).as_error()
    assert isinstance(received, NotFoundError)
    assert (received.message, received.hint, received.ids) == (sent.message, sent.hint, sent.ids)


def test_an_error_without_commands_has_no_next() -> None:
    assert "next" not in ErrorDetail.of(InvalidInputError("no", hint="say yes")).model_dump_json(exclude_none=True)


def test_an_error_of_an_older_server_keeps_its_sentence() -> None:
    received = ErrorDetail.model_validate({"code": "unheard_of", "message": "m", "hint": "torc run 1"}).as_error()
    assert isinstance(received, ServerFaultError)
    assert str(received.hint) == "torc run 1"
    assert received.hint is not None
    assert received.hint.commands == ()


def test_a_command_that_the_sentence_does_not_hold_is_ignored() -> None:
    hint = Hint.from_text("first torc run 1", [torc("status", 2), torc("run", 1)])
    assert hint == Hint("first {}", torc("run", 1))
