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
@options.settings_option
@options.workspace_option
def which(params: dict[str, Any]) -> None:
    click.echo(options.workspace_path())
    click.echo(options.command_line("resume", "1"))
    click.echo(repr(params))


def ask(*words: str) -> list[str]:
    result = CliRunner().invoke(group, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(options.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_workspace_is_named_before_or_after_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("-w", "a", "which")[:2] == ["a", "nbpart resume 1 -w a"]
    assert ask("which", "--workspace", "b c")[:2] == ["b c", "nbpart resume 1 -w 'b c'"]
    assert ask("-w", "a", "which", "-w", "b")[0] == "b"
    monkeypatch.setenv(options.VARIABLE, "e")
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
    assert ask("which", "-p", text)[2] == repr({text.partition("=")[0]: value})


@pytest.mark.parametrize("text", ["lr", "=3", " =3"])
def test_what_is_no_setting_is_refused(folder: Path, text: str) -> None:
    result = CliRunner().invoke(group, ["which", "-p", text])
    assert result.exit_code == 2
    assert "NAME=VALUE" in result.stderr


def test_only_what_was_given_is_handed_on() -> None:
    assert options.given(retries=0, timeout_s=None, max_workers=None) == {"retries": 0}
    assert os.environ.get(options.VARIABLE) is None
