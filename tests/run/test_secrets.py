"""Secrets: what may not stand anywhere."""

from __future__ import annotations

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import MissingInputError, ParameterError
from nbpart.run.secrets import HIDDEN, VARIABLE, Redactor, check_secret, read_secret, spell_environment

SECRET = 'top "secret" ü\\n'


@given(st.lists(st.sampled_from([SECRET, "word ", "top ", "\n", "top", "topsecret"]), max_size=8), st.integers(1, 7))
def test_no_piece_of_a_log_holds_a_secret_and_nothing_else_is_lost(parts: list[str], size: int) -> None:
    text = "".join(parts)
    written: list[str] = []
    writer = Redactor({"token": SECRET}).wrap(written.append)
    for start in range(0, len(text), size):
        writer(text[start : start + size])
    writer.flush()
    assert "".join(written) == text.replace(SECRET, HIDDEN)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_holds_no_secret_however_it_is_spelled(ascii_only: bool) -> None:
    text = json.dumps({"out": f"a {SECRET} b", "n": 1}, ensure_ascii=ascii_only)
    assert json.loads(Redactor({"token": SECRET}).redact_json(text)) == {"out": f"a {HIDDEN} b", "n": 1}


def test_the_lines_of_a_secret_are_secret_too() -> None:
    hidden = Redactor({"key": "-----BEGIN\nabcdefgh\n-----END"})
    assert hidden.redact("abcdefgh and -----BEGIN") == f"{HIDDEN} and {HIDDEN}"


def test_a_kernel_reads_its_secrets_with_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    day = datetime.date(2013, 1, 1)
    for name, value in spell_environment({"token": SECRET, "day": day}).items():
        monkeypatch.setenv(name, value)
    assert (read_secret("token"), read_secret("day")) == (SECRET, day)
    with pytest.raises(MissingInputError, match="'other'"):
        read_secret("other")
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(MissingInputError, match="'token'"):
        read_secret("token")
    assert spell_environment({}) == {}


def test_what_could_not_be_hidden_is_refused() -> None:
    check_secret("token", "abcd")
    for value in ("abc", 12, ""):
        with pytest.raises(ParameterError, match="fewer than 4 characters"):
            check_secret("token", value)
    with pytest.raises(ParameterError):
        check_secret("token", object())
