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
    for block in re.findall(r"```shell\n(.*?)```", entry, re.S)
    for line in block.splitlines()
]
COMMANDS = sorted(main.commands)


def test_these_are_the_commands() -> None:
    wanted = "init demo status assets partitions plan backfill resume runs show logs sql tick lab"
    assert list(main.commands) == wanted.split()


def test_the_docs_have_an_entry_for_each_command_in_their_order() -> None:
    assert list(ENTRIES) == list(main.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    command = main.commands[name]
    assert command.help
    assert command.get_short_help_str(60).rstrip(".") == command.help.partition("\n")[0].rstrip("."), "it is cut off"
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_docs(name: str) -> None:
    options = [o.opts for o in main.commands[name].params if isinstance(o, click.Option)]
    missing = [names for names in options if not any(f"`{n}" in ENTRIES[name] + INTRODUCTION for n in names)]
    borrowed = [names for names in missing if name == "backfill" and f"`{names[1]}`" in ENTRIES["plan"]]
    assert [names for names in missing if names not in borrowed] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_workspace_can_be_named_everywhere(name: str) -> None:
    assert any("-w" in option.opts for option in main.commands[name].params)


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_every_example_can_be_typed(name: str, line: str) -> None:
    words = shlex.split(line.partition(" < ")[0])
    assert words[:2] == ["nbpart", name]
    with click.Context(main, info_name="nbpart") as parent:
        main.commands[name].make_context(name, words[2:], parent=parent)


def test_every_command_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(COMMANDS)
