"""Secrets: what may not stand anywhere."""

from __future__ import annotations

import datetime

import pytest

from nbpart.errors import MissingInputError, ParameterError
from nbpart.run.secrets import VARIABLE, check_secret, read_secret, spell_environment

SECRET = 'top "secret" ü\\n'


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
    for value in ("abcd", 1234, ["abcd", 443, True, None, ""], {"user": "someone", "port": 22}):
        check_secret("token", value)
    for value in ("abc", 12, "", " a  ", True, None, [], [12, None], {"user": "someone", "password": "abc"}):
        with pytest.raises(ParameterError, match="'token' has fewer than 4 characters"):
            check_secret("token", value)
    for value in ("true", "None", ["somebody", "null"]):
        with pytest.raises(ParameterError, match="'token' holds the word"):
            check_secret("token", value)


def test_what_cannot_be_handed_on_is_refused_and_not_shown() -> None:
    class Login:
        def __repr__(self) -> str:
            return "Login('hunter22')"

    for value in (Login(), [Login()], {"login": b"hunter22"}):
        with pytest.raises(ParameterError, match="'token' holds a ") as refused:
            check_secret("token", value)
        assert "hunter22" not in str(refused.value)
