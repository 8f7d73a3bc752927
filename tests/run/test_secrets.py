"""Secrets: how a kernel gets them, and which values are refused because they could not be hidden."""

from __future__ import annotations

import datetime
import os
import threading

import pytest

from nbpart.errors import MissingInputError, ParameterError
from nbpart.run import secrets
from nbpart.run.secrets import (
    VARIABLE,
    check_secret,
    pass_secrets,
    read_secret,
    receive_secrets,
    redactor_of_this_run,
    spell_environment,
    spell_secrets,
)

SECRET = 'top "secret" ü\\n'


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_secrets", {})


def test_a_kernel_reads_its_secrets_with_their_types_from_a_pipe() -> None:
    day = datetime.date(2013, 1, 1)
    given = {"token": SECRET, "day": day, "login": {"user": "me", "hosts": ["a"]}, "long": "x" * 300_000}
    with pass_secrets(spell_secrets(given)) as [descriptor]:
        receive_secrets(os.dup(descriptor))
    assert {name: read_secret(name) for name in given} == given
    assert redactor_of_this_run().redact(f"a {SECRET}") == "a •••"
    with pytest.raises(MissingInputError, match="'other'"):
        read_secret("other")
    with pass_secrets(spell_secrets({})) as descriptors:
        assert not descriptors


def test_the_variable_names_the_pipe_once_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with pass_secrets(spell_secrets({"token": SECRET})) as [descriptor]:
        inherited = os.dup(descriptor)
        for name, value in spell_environment(inherited).items():
            monkeypatch.setenv(name, value)
            assert SECRET not in value
    assert read_secret("token") == SECRET
    assert VARIABLE not in os.environ
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(inherited)


def test_another_file_under_the_number_of_the_pipe_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setenv(VARIABLE, f"{reader}:1")
    with pytest.raises(MissingInputError, match="'token'"):
        read_secret("token")
    os.close(reader)
    os.close(writer)


def test_a_kernel_that_never_reads_holds_nobody_up() -> None:
    with pass_secrets(spell_secrets({"token": "x" * 1_000_000})):
        pass
    for thread in threading.enumerate():
        if thread.name == "nbpart secrets":
            thread.join()


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
