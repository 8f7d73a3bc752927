from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from nbpart.cli import options
from nbpart.cli.output import Group


@click.group(cls=Group)
@options.workspace_option
def group() -> None:
    pass


@group.command()
@options.running_options
@options.workspace_option
def which(settings: dict[str, Any] | None, **others: Any) -> None:
    click.echo(options.workspace_path())
    click.echo(options.command_line("resume", "1"))
    click.echo(repr(settings))


@group.command()
@options.running_options
@options.workspace_option
def hide(secrets: dict[str, str], **others: Any) -> None:
    click.echo(repr(secrets))


def ask(*words: str) -> list[str]:
    result = CliRunner().invoke(group, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(options.WORKSPACE_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_workspace_is_named_before_or_after_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("-w", "a", "which")[:2] == ["a", "nbpart resume 1 -w a"]
    assert ask("which", "--workspace", "b c")[:2] == ["b c", "nbpart resume 1 -w 'b c'"]
    assert ask("-w", "a", "which", "-w", "b")[0] == "b"
    monkeypatch.setenv(options.WORKSPACE_VARIABLE, "e")
    assert ask("which")[:2] == ["e", "nbpart resume 1"]
    assert ask("which", "-w", "b")[0] == "b"


def test_without_a_name_it_is_the_one_at_or_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("which")[0] == "workspace"
    (folder / "workspace").mkdir()
    (folder / "workspace" / "catalog.duckdb").touch()
    (folder / "notebooks" / "deep").mkdir(parents=True)
    for place in (".", "notebooks/deep", "workspace"):
        monkeypatch.chdir(folder / place)
        assert Path(ask("which")[0]).resolve() == (folder / "workspace").resolve()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lr=0.1", 0.1), ("n=3", 3), ("flag=true", True), ("none=null", None), ("name=adam", "adam"),
        ('five="5"', "5"), ("list=[1, 2]", [1, 2]), ("empty=", ""), ("expr=a=b", "a=b"), ("x=NaN", "NaN"),
    ],
)  # fmt: skip
def test_settings_are_json_or_text(folder: Path, text: str, value: Any) -> None:
    assert ask("which", "--setting", text)[2] == repr({text.partition("=")[0]: value})


@pytest.mark.parametrize("text", ["lr", "=3", " =3"])
def test_a_wrong_setting_is_refused(folder: Path, text: str) -> None:
    result = CliRunner().invoke(group, ["which", "--setting", text])
    assert result.exit_code == 2
    assert "NAME=VALUE" in result.stderr


def test_only_given_options_are_passed_on() -> None:
    assert options.keep_given(retries=0, timeout_s=None, max_workers=None) == {"retries": 0}
    assert os.environ.get(options.WORKSPACE_VARIABLE) is None


def test_secrets_come_from_variables_files_and_stdin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "token.txt").write_text("from a file=1\r\n")
    monkeypatch.setenv("API_TOKEN", "12345678")
    assert ask("hide", "--secret", "a=file:token.txt") == [repr({"a": "from a file=1"})]
    given = ["--secret", "a=env:API_TOKEN", "--secret", "b=env:API_TOKEN"]
    assert ask("hide", *given) == [repr({"a": "12345678", "b": "12345678"})]
    assert "API_TOKEN" not in os.environ  # or the runs would inherit it
    result = CliRunner().invoke(group, ["hide", "--secret", "a=file:-"], input="from a pipe\n")
    assert result.stdout == repr({"a": "from a pipe"}) + "\n"


def test_a_secret_is_asked_for_and_not_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        asked.append((text, hide_input))
        return "typed-in"

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr(options, "has_terminal", lambda: True)
    assert ask("hide", "--secret", "token") == [repr({"token": "typed-in"})]
    assert asked == [("Secret token", True)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("token=hunter22", "never the value"), ("token=", "never the value"), ("=env:A", "never the value"),
        ("token=env:", "never the value"), ("token=env:NOT_SET_HERE", "NOT_SET_HERE for 'token' is not set"),
        ("token=file:none.txt", "none.txt for 'token' cannot be read: No such file"), ("token", "no terminal to ask"),
    ],
)  # fmt: skip
def test_a_secret_in_the_arguments_is_refused_and_not_repeated(folder: Path, given: str, message: str) -> None:
    result = CliRunner().invoke(group, ["hide", "--secret", given])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("\u2502", " ").split())
    assert "hunter22" not in result.output
