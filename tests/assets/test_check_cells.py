"""Cells of a notebook that are checks: their names, their tags, and that they are no code of the asset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbpart.assets.check_cells import list_check_cells
from nbpart.assets.code import version_of_notebook
from nbpart.errors import DeclarationError


def cell(source: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells)}


def test_a_check_is_called_as_its_first_line_says_or_by_its_number() -> None:
    cells = [
        cell("x = 1"),
        cell("# No gaps, please!\nassert x", "check"),
        cell("assert x", "check"),
        cell("#\nx", "check"),
    ]
    found = list(list_check_cells(notebook(*cells)))
    assert [(one.place, one.definition.name) for one in found] == [
        (1, "No_gaps_please"),
        (2, "check_2"),
        (3, "check_3"),
    ]


def test_tags_say_how_grave_it_is() -> None:
    cells = [
        cell("a", "check"),
        cell("b", "check", "blocking"),
        cell("c", "blocking", "warn", "check"),
        cell("d", "warn"),
    ]
    found = [one.definition for one in list_check_cells(notebook(*cells))]
    assert [(one.blocking, one.severity, one.blocks) for one in found] == [
        (False, "error", False), (True, "error", True), (True, "warn", False),
    ]  # fmt: skip


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"'no_gaps' is in two cells, 1 and 2"):
        list(list_check_cells(notebook(cell("# no gaps\na", "check"), cell("# no_gaps\nb", "check"))))


def test_its_version_is_that_of_its_code() -> None:
    def version(source: str) -> str:
        [one] = list_check_cells(notebook(cell(source, "check")))
        return one.definition.version

    assert version("# no gaps\nassert x") == version("# other words\n\nassert  x  # so")
    assert version("assert x") != version("assert y")
    assert version("assert (") != version("assert ((")


def test_checks_are_no_part_of_the_code_version_and_their_modules_are_kept(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text("def is_good(x): return True")
    own, check = cell("x = 1"), cell("import rules\nassert rules.is_good(x)", "check")
    plain, judged = (version_of_notebook(notebook(*cells), tmp_path) for cells in ((own,), (own, check)))
    assert plain.version == judged.version
    assert [module.name for module in judged.modules] == ["rules"]
    assert version_of_notebook(notebook(own, cell("y = 2")), tmp_path).version != plain.version
