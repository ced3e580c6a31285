"""Cleaning, cutting and redacting what jobs wrote."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_core.evidence.cleaning import bound, clean_text, excerpt_stderr, shorten_line
from torc_core.evidence.record import MAX_EVIDENCE_BYTES, Evidence, SchedulerFacts, fit
from torc_core.evidence.redaction import redact_secrets


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b" 10%\r 50%\r100%\ndone", "100%\ndone"),
        (b"windows\r\nlines\r\n", "windows\nlines\n"),
        (b"bad \xff byte", "bad \ufffd byte"),
        ("zero\u200bwidth\u202e\u2066", "zerowidth"),
        (b"a\x00b\x07c\td", "abc\td"),
        (b"N\x08N", "N"),
        (b"ERROR: disk on fire\r 50%\n", "ERROR: disk on fire\n 50%\n"),
        ("half \ud800 pair", "half \ufffd pair"),
    ],
)
def test_cleaning_keeps_the_text_and_drops_what_steers_a_terminal(raw: bytes | str, clean: str) -> None:
    assert clean_text(raw) == clean


@given(st.one_of(st.binary(max_size=3000), st.text(max_size=3000)))
def test_clean_text_never_holds_control_zero_width_or_direction_characters(raw: bytes | str) -> None:
    clean = clean_text(raw)
    assert not [c for c in clean if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs")]
    assert not set(clean) & set(
        "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
    )
    assert clean_text(clean) == clean


@given(st.text(max_size=2000), st.integers(0, 500), st.sampled_from(["start", "end"]))
def test_bound_never_exceeds_its_bytes(text: str, max_bytes: int, keep: str) -> None:
    assert (
        len(bound(text, max_bytes, keep="start" if keep == "start" else "end").encode("utf-8", "replace")) <= max_bytes
    )


def test_a_long_line_keeps_its_start_and_its_end() -> None:
    short = shorten_line("ERROR " + "x" * 10_000 + " the end", 200)
    assert len(short) <= 200
    assert short.startswith("ERROR")
    assert short.endswith("the end")
    assert "left out" in short


def test_the_excerpt_holds_the_first_failure_when_it_stands_above_the_tail() -> None:
    frames = "".join(f'  File "/a/m{i}.py", line {i}, in f\n    g({i})\n' for i in range(30))
    raw = f"start\nTraceback (most recent call last):\n{frames}KeyError: 'dt'\n" + "shutting down worker\n" * 3000
    excerpt, tail, truncated = excerpt_stderr(raw.encode(), max_bytes=6000)
    assert "KeyError: 'dt'" in excerpt
    assert tail.endswith("shutting down worker")
    assert truncated
    assert len(excerpt.encode()) + len(tail.encode()) <= 6000


def test_a_short_text_is_its_own_tail() -> None:
    assert excerpt_stderr(b"a\nb\n", max_bytes=1000) == ("", "a\nb", False)


def test_the_tail_takes_all_room_when_nothing_fatal_stands_above() -> None:
    excerpt, tail, truncated = excerpt_stderr(b"all is well\n" * 1000, max_bytes=3000)
    assert excerpt == ""
    assert 2800 < len(tail) <= 3000
    assert truncated


@given(st.binary(max_size=5000), st.integers(200, 2000))
def test_excerpt_and_tail_never_exceed_their_bytes(raw: bytes, max_bytes: int) -> None:
    excerpt, tail, _ = excerpt_stderr(raw, max_bytes=max_bytes)
    assert len(excerpt.encode()) + len(tail.encode()) <= max_bytes


def test_half_a_mebibyte_is_cut_quickly() -> None:
    line = b"2024-03-11 04:12:09 \x1b[32mINFO\x1b[0m step 12 of 4000, loss 0.12\r\n"
    raw = line * (512 * 1024 // len(line)) + b"\xff\xfe" * 1000
    start = time.process_time()
    excerpt_stderr(raw, max_bytes=12_000)
    assert time.process_time() - start < 1.0


@given(
    st.text(max_size=20_000), st.text(max_size=20_000), st.text(max_size=20_000),
    st.lists(st.text(max_size=3000), max_size=30), st.text(max_size=30_000),
)  # fmt: skip
def test_a_fitted_record_is_never_larger_than_its_limit(
    excerpt: str, tail: str, out: str, missing: list[str], reason: str
) -> None:
    evidence = Evidence(
        return_code=1, stderr_excerpt=excerpt, stderr_tail=tail, stdout_tail=out, node=reason,
        missing_output_files=tuple(missing), scheduler=SchedulerFacts(type="slurm", reason=reason),
    )  # fmt: skip
    assert len(fit(evidence).model_dump_json().encode()) <= MAX_EVIDENCE_BYTES


def test_fitting_cuts_texts_fairly_and_keeps_the_end_of_tails() -> None:
    evidence = Evidence(
        return_code=1, stderr_excerpt="cause", stderr_tail="x" * 40_000 + "END", stdout_tail="y" * 40_000
    )
    fitted = fit(evidence)
    assert fitted.stderr_excerpt == "cause"
    assert fitted.stderr_tail.endswith("END")
    assert abs(len(fitted.stderr_tail) - len(fitted.stdout_tail)) < 100
    assert len(fitted.model_dump_json()) > MAX_EVIDENCE_BYTES - 200
    assert fitted.truncated


def test_half_a_character_pair_in_a_file_name_does_not_stop_fitting() -> None:
    evidence = Evidence(return_code=1, missing_output_files=("out\udcff.txt",), stderr_tail="a\udcffb")
    assert fit(evidence).model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Authorization: Bearer abcdef0123456789abcdef",
        "curl -H 'Authorization: token 0123456789abcdef0123456789abcdef01234567'",
        "postgresql://etl:s3cr3tPass@db.example.org/runs",
        "password=hunter2secret",
        '"password": "hunter2secret"',
        "--token hunter2secret",
        "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
        "xoxb-123456789012-abcdefghijkl",
        "sk-" + "ant-" + "0123456789abcdefghijkl",
        "sk-proj-0123456789abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc\n-----END RSA PRIVATE KEY-----",
        "glpat-0123456789abcdefghij",
        "AccountKey=Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==;EndpointSuffix",
        "hf_0123456789abcdefghijklmnop",
        "npm_0123456789abcdefghijklmnopqrstuvwxyz",
        "DB_PASS=hunter2secret",
        "pass=hunter2secret",
        "MYSQL_ROOT_PASS: hunter2secret",
        "MYSQL_ROOT_PASS: 'hunter2secret'",
        "curl -sf -u alice:hunter2secret https://api.example.org/v1",
        "curl --user a:hunter2secret https://api.example.org/v1",
        "sshpass -p hunter2secret ssh n1",
        "mysql -u root -phunter2secret runs",
        "postgresql://sim:p@hunter2:secret@db/runs",
        "postgresql://sim:hunter2/secret@db/runs",
        "https://sim:hunter2@secret@db.example.org/runs",
        "https://0123456789abcdef@git.example.org/a/b.git",
        "secret_key_base: hunter2secret",
        "AZURE_STORAGE_KEY=Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==",
        "https://hooks.slack.com/services/T0001/B0002/hunter2secret",
        '{"username":"maria","key":"0123456789abcdef0123456789abcdef"}',
    ],
)
def test_a_credential_is_redacted_once_and_for_all(text: str) -> None:
    redacted = redact_secrets(f"before {text} after")
    assert "[redacted]" in redacted
    secrets = ("hunter2", "secret@", "secret]", "s3cr3tPass", "0123456789abcdef", "wJalr", "MIIE", "Zm9v", "dozj",
               "IOSFODNN")  # fmt: skip
    for secret in secrets:
        assert secret not in redacted
    assert redacted.startswith("before ")
    assert redact_secrets(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'temperature'",
        "SyntaxError: unexpected token: 'abc123def'",
        "tokenizer: loaded 50257 entries",
        "max_tokens=4096, num_tokens=123456",
        "PWD=/home/user1/work",
        'password authentication failed for user "etl"',
        "monkey: 123456789",
        "git commit 0123456789abcdef0123456789abcdef01234567",
        "https://example.org:8080/a/b?c=d",
        "design: 3.14159265",
        "Bearer of bad news",
        "pass=12 fail=0 skip=3",
        "pass=3",
        "PASS: tests/io.sh",
        "first_pass: complete, multi pass=2",
        "SORT_KEY=name",
        "docker run --user 1000:1000 image",
        "https://registry.example.org:4873/@scope/package",
        "https://maria@git.example.org/a.git",
        "git@github.com:a/b.git",
        "by-pass: valve 3",
        '{"key": "temperature", "value": 3}',
        "mysql -p runs",
        "rsync://host:873/module",
    ],
)
def test_ordinary_text_is_not_redacted(text: str) -> None:
    assert redact_secrets(text) == text


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=600))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact_secrets("token=" + text + " password: " + text)
    assert redact_secrets(once) == once
