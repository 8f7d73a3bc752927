from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nbpart.demo
from nbpart.cli import main
from nbpart.cli.options import WORKSPACE_VARIABLE


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(WORKSPACE_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_makes_a_workspace_and_leaves_one_alone(folder: Path) -> None:
    first = CliRunner().invoke(main, ["init"])
    assert first.exit_code == 0, first.output
    assert "Made the workspace workspace." in first.stdout
    assert (folder / "workspace" / "catalog.duckdb").is_file()
    again = CliRunner().invoke(main, ["init", "workspace"])
    assert again.exit_code == 0
    assert "already" in again.stdout


@pytest.mark.parametrize("words", [["init", "mine"], ["init", "-w", "mine"], ["-w", "mine", "init"]])
def test_init_takes_its_path_either_way(folder: Path, words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == 0
    assert (folder / "mine" / "catalog.duckdb").is_file()


def test_init_refuses_two_paths_and_a_file(folder: Path) -> None:
    assert CliRunner().invoke(main, ["init", "a", "-w", "b"]).exit_code == 2
    (folder / "file").write_text("")
    result = CliRunner().invoke(main, ["init", "file"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("code", [0, 1])
def test_the_demo_runs_in_the_given_folder(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[Any] = []

    def run_demo(folder: Path, days: int, echo: Callable[[str], None]) -> int:
        played.append((folder, days))
        echo("once upon a time")
        return code

    monkeypatch.setattr(nbpart.demo, "run_demo", run_demo)
    monkeypatch.setenv(WORKSPACE_VARIABLE, "must not be made anew")
    for words in (["demo"], ["demo", "--days", "3", "there"]):
        result = CliRunner().invoke(main, words)
        assert (result.exit_code, result.stdout) == (code, "once upon a time\n")
    assert played == [(Path("nbpart-demo"), 14), (Path("there"), 3)]


@pytest.fixture
def execs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    called: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, words: called.append([path, *words]))
    return called


def test_lab_opens_in_the_project_on_this_machine_only(folder: Path, execs: list[list[str]]) -> None:
    assert CliRunner().invoke(main, ["init", "project/workspace"]).exit_code == 0
    result = CliRunner().invoke(main, ["lab", "-w", "project/workspace", "--no-browser", "--port=8890"])
    assert result.exit_code == 0, result.output
    [words] = execs
    assert words[:4] == [sys.executable, sys.executable, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={folder / 'project'}" in words
    assert "--ServerApp.ip=127.0.0.1" in words
    assert words[-2:] == ["--no-browser", "--port=8890"]
    assert "token" not in " ".join(words)


def test_lab_names_what_is_missing(execs: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, ["lab"])
    assert result.exit_code == 1
    assert "nbpart init" in result.stderr
    assert CliRunner().invoke(main, ["init"]).exit_code == 0
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jupyterlab" else found(name))
    result = CliRunner().invoke(main, ["lab"])
    assert result.exit_code == 1
    assert "nbpart[lab]" in result.stderr
    assert execs == []
