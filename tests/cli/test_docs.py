"""Every command and option has help, and an entry in docs/cli.md whose examples can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from nbpart.cli import main

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", DOCS, re.M | re.S))
INTRODUCTION = DOCS.partition("\n## ")[0]
EXAMPLES = [
    (name, line)
    for name, entry in ENTRIES.items()
    for block in re.findall(r"```shell[^\n]*\n(.*?)```", entry, re.S)
    for line in block.splitlines()
]


def find_leaves() -> dict[str, click.Command]:
    """Every command that does something, by its words."""
    leaves: dict[str, click.Command] = {}
    for name, command in main.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        leaves |= {f"{name} {word}": each for word, each in inner.items()} or {name: command}
    return leaves


LEAVES = find_leaves()
COMMANDS = sorted(LEAVES)


def test_these_are_the_commands() -> None:
    wanted = (
        "init demo status refresh assets partitions plan why backfill resume cancel backfills runs show logs edit "
        "check checks compare sql tick watch triggers limits accept adopt wipe lab kernels kernelspec prune catalog "
        "trust doctor completion"
    )
    assert list(main.commands) == wanted.split()
    assert {"kernelspec install", "kernelspec remove", "catalog check"} <= set(LEAVES)


def test_the_docs_have_an_entry_for_each_command_in_their_order() -> None:
    assert list(ENTRIES) == list(main.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    command = LEAVES[name]
    assert command.help
    assert command.get_short_help_str(60).rstrip(".") == command.help.partition("\n")[0].rstrip("."), "it is cut off"
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_docs(name: str) -> None:
    options = [o.opts for o in LEAVES[name].params if isinstance(o, click.Option)]
    text = ENTRIES[name.partition(" ")[0]] + INTRODUCTION
    text += ENTRIES["plan"] if name == "backfill" else ENTRIES["backfill"] if name in ("resume", "tick") else ""
    assert [names for names in options if not any(f"`{n}" in text for n in names)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_workspace_can_be_named_everywhere(name: str) -> None:
    if not name.startswith(("kernelspec", "completion")):  # of a machine, not of a workspace
        assert any("-w" in option.opts for option in LEAVES[name].params)


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_every_example_can_be_typed(name: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "tok-12345678")
    words = shlex.split(re.sub(r" < [\w.]+$", "", line))
    assert words[:2] == ["nbpart", name]
    leaf = " ".join(words[1:3]) if " ".join(words[1:3]) in LEAVES else name
    with click.Context(main, info_name="nbpart") as parent:
        LEAVES[leaf].make_context(leaf, words[1 + len(leaf.split()) :], parent=parent)


def test_every_command_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(main.commands)
