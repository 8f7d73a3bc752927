"""The recipes for systemd, cron and a container in the docs are files that these take, and commands that there are."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from nbpart.cli import main
from tests.snippets import read_blocks

ROOT = Path(__file__).parents[2]
RECIPES = {
    block.language: block.code
    for block in read_blocks((ROOT / "docs" / "automation.md").read_text(encoding="utf-8"))
    if not block.is_run
}


def read_unit() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(RECIPES["ini"])
    return {name: dict(parser[name]) for name in parser.sections()}


def read_container() -> dict[str, str]:
    return dict(line.split(" ", 1) for line in RECIPES["dockerfile"].splitlines() if line)


def read_watch(words: list[str]) -> click.Context:
    """What the words of a command line give to ``nbpart watch``, which has to take them."""
    assert words[0].rpartition("/")[2] == "nbpart"
    assert words[1:4] == ["-w", "workspace", "watch"]
    with click.Context(main, info_name="nbpart") as parent:
        return main.commands["watch"].make_context("watch", words[4:], parent=parent)


def test_the_recipes_are_there() -> None:
    assert {"ini", "text", "dockerfile"} == RECIPES.keys()


def test_the_unit_gives_the_steps_that_run_their_grace() -> None:
    unit = read_unit()
    assert unit.keys() == {"Service", "Install"}
    service = unit["Service"]
    given = read_watch(shlex.split(service["ExecStart"])).params
    assert service["ExecStart"].startswith(service["WorkingDirectory"]), "the workspace is named from there"
    assert service["KillMode"] == "mixed", "or systemd ends the kernels with the watcher"
    assert int(service["TimeoutStopSec"]) > given["grace"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd to ask")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "project" / ".venv" / "bin" / "nbpart"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "nbpart.service"
    unit.write_text(RECIPES["ini"])
    answer = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)],
        env={"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_line_of_the_crontab_looks_once() -> None:
    [line] = RECIPES["text"].splitlines()
    times, command = line.split("  ", 1)
    assert len(times.split()) == 5
    assert "%" not in line, "cron makes a new line of it"
    folder, rest = command.split(" && ")
    assert folder.split() == ["cd", "~/project"]
    words, _, output = rest.partition(" >> ")
    assert output == "watch.log 2>&1"
    given = read_watch(shlex.split(words)).params
    assert (given["once"], given["grace"]) == (True, None)


def test_the_container_has_what_it_runs() -> None:
    container = read_container()
    assert list(container) == ["FROM", "RUN", "WORKDIR", "CMD"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = re.fullmatch(r"python:3\.(\d+)-slim", container["FROM"])
    oldest = re.fullmatch(r">=3\.(\d+)", project["requires-python"])
    assert version
    assert oldest
    assert int(version[1]) >= int(oldest[1])
    assert container["RUN"].split() == ["pip", "install", project["name"]]
    words = json.loads(container["CMD"])
    assert read_watch(words).params["grace"] < 90, "which docker is told to wait"
    assert "--trust" in words, "nobody is asked in a container"
