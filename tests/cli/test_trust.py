"""Asking for trust before a command runs code: refused without a terminal, asked for on one, given by an option."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ask, environment


@pytest.fixture
def moved(project: Path) -> Path:
    """The workspace where its user neither made nor trusts it."""
    (project / "workspace").rename(project / "unpacked")
    return project / "unpacked"


def on_a_terminal(answer: str, *words: str) -> tuple[int, str]:
    """Run a command with a terminal to ask on; its exit code and what the terminal showed."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "nbpart.cli", *words]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment(), close_fds=True)
    os.close(its)
    os.write(ours, answer.encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the terminal ends with its last process
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(timeout=60), shown.decode(errors="replace")


@pytest.mark.parametrize(
    "words", [("backfill",), ("backfill", "--detach"), ("tick", "inbox"), ("edit", "sizes", "a.csv")], ids=" ".join
)
def test_without_a_terminal_running_code_is_refused_and_names_the_option(
    moved: Path, ask: Ask, words: tuple[str, ...]
) -> None:
    result = ask(*words, "-w", "unpacked", code=1)
    assert "--trust" in result.stderr
    assert "was it moved or copied here?" in result.stderr
    assert json.loads(ask("runs", "-w", "unpacked", "--json").stdout) == []


def test_reading_commands_need_no_trust(moved: Path, ask: Ask) -> None:
    for words in (
        ("status",),
        ("assets",),
        ("partitions", "sizes"),
        ("plan",),
        ("runs",),
        ("sql", "from sizes"),
        ("kernels",),
        ("doctor",),
        ("prune", "-n"),
        ("catalog", "check"),
    ):
        ask(*words, "-w", "unpacked")


def test_the_option_is_enough_once(moved: Path, ask: Ask) -> None:
    ask("tick", "inbox", "--trust", "-w", "unpacked")
    ask("tick", "inbox", "-w", "unpacked")


def test_trust_is_given_listed_and_removed(moved: Path, ask: Ask) -> None:
    assert "is trusted" in ask("trust", "-w", "unpacked").stdout
    [entry] = [e for e in json.loads(ask("trust", "--list", "--json").stdout) if e["path"] == str(moved)]
    assert entry["how"] == "trusted"
    assert "no longer" in ask("trust", "--remove", "-w", "unpacked").stdout
    assert "was not on the list" in ask("trust", "--remove", "-w", "unpacked").stdout
    ask("tick", "inbox", "-w", "unpacked", code=1)
    ask("trust", "--remove", "--list", code=2)


def test_on_a_terminal_a_person_is_asked_once(moved: Path, ask: Ask) -> None:
    code, shown = on_a_terminal("n\n", "tick", "inbox", "-w", "unpacked")
    assert (code, "Nothing was run" in shown) == (1, True)
    assert str(moved) in shown.replace("\r\n", "")
    assert "the sensor inbox" in shown
    assert "belong to" in shown
    code, shown = on_a_terminal("y\n", "tick", "inbox", "-w", "unpacked")
    assert (code, "Trust it" in shown) == (0, True)
    code, shown = on_a_terminal("", "tick", "inbox", "-w", "unpacked")
    assert (code, "Trust it" in shown) == (0, False)


def test_a_workspace_of_another_user_has_to_be_named(project: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("trust", "--remove")
    # what belongs to nobody in particular: as root by giving it away, else by being somebody else
    if os.geteuid() == 0:
        os.chown(project / "workspace" / "catalog.duckdb", 54321, 54321)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 54321)
    result = ask("status", code=1)
    assert "not yours" in result.stderr
    assert "-w" in result.stderr
    ask("status", "-w", "workspace")
    monkeypatch.setenv("NBPART_WORKSPACE", "workspace")
    ask("status")
