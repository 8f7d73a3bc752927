"""The README is the front door: what it names has to be there. That it runs is for test_snippets to show."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nbpart

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:<!-- (?P<label>\w+) -->\n)?```(?P<language>\w+)[^\n]*\n(?P<code>.*?)```", re.S)
BLOCKS = [(m["label"] or "", m["language"], m["code"]) for m in BLOCK.finditer(TEXT)]
LABELLED = {label: code for label, _, code in BLOCKS if label}
TOUR, LOOP = LABELLED["tour"], LABELLED["loop"]
NAMES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/cli.md", "docs/trust.md")
PAGES = [ROOT / name for name in (*NAMES, "notebooks/data/README.md")]


def test_it_starts_with_the_two_commands_then_pip_then_the_loop() -> None:
    places = [TEXT.index(words) for words in ("make demo", "make test", "pip install nbpart", LOOP)]
    assert places == sorted(places)
    assert TEXT[: places[0]].count("\n\n") <= 3, "a reader has to find the commands at once"
    assert len(LOOP.strip().splitlines()) == 1


def test_the_tour_is_short() -> None:
    assert len([line for line in TOUR.splitlines() if line.strip()]) <= 20


@pytest.mark.parametrize("code", [code for _, language, code in BLOCKS if language == "python"])
def test_every_method_that_is_shown_is_there(code: str) -> None:
    classes = {"ws": nbpart.Workspace, "bf": nbpart.Backfill, "nbpart": nbpart}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in classes:
            assert hasattr(classes[node.value.id], node.attr), f"{node.value.id}.{node.attr}"


@pytest.mark.parametrize(
    "line", [line for _, language, code in BLOCKS if language == "shell" for line in code.splitlines()]
)
def test_every_command_that_is_shown_is_there(line: str) -> None:
    program, name, *options = line.partition("#")[0].split()
    if program == "make":
        assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(), re.M)
    elif program == "nbpart":
        asked = subprocess.run(
            [sys.executable, "-c", "from nbpart.cli import main; main()", name, "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert all(option in asked.stdout for option in options if option.startswith("--"))
    else:
        assert (program, name, options) == ("pip", "install", ["nbpart"])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert not [link for link in links if not (page.parent / link).exists()]
