from __future__ import annotations

import re
from pathlib import Path

import pytest

import nbpart
from nbpart.partitions import PartitionRef, safe_name

PACKAGE = Path(nbpart.__file__).parent


def test_a_partition_is_named_by_asset_and_key() -> None:
    assert PartitionRef("model", "depth=3").label == "model/depth=3"
    assert PartitionRef("model", "depth=3").folder == "model/depth=3"
    assert PartitionRef("files", "../A b").folder == f"files/{safe_name('../A b')}"


def test_an_asset_without_partitions_has_its_name_alone() -> None:
    assert (PartitionRef("report").label, PartitionRef("report").folder) == ("report", "report/_whole")


def test_no_key_has_the_folder_of_the_whole() -> None:
    assert PartitionRef("a", "_whole").folder != PartitionRef("a").folder


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_nobody_else_spells_the_label_or_asks_whether_there_is_a_key_to_parse(path: Path) -> None:
    if path.name == "ref.py":
        return
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'f"\{[\w.]*(asset|name)\}/\{[\w.]*key\}"', text)
    assert not re.search(r"\.parse\([\w.]*key\) if", text)
