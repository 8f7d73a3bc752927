"""What a choice of partitions comes to before anything is planned: how many they are, and how it is spelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbpart.assets.selection import read_selection
from nbpart.catalog import Batch
from nbpart.catalog.queries.partition_table import PartitionTable
from nbpart.partitions.filters import read_condition
from nbpart.partitions.values import Kind
from nbpart.project.equivalent_code import spell_keys
from nbpart.project.partition_selection import choose_partitions
from nbpart.project.project import Project
from nbpart.project.spelled_choice import spell_choice

#: What a column has, as a field calls it.
_WORDS = {Kind.INT: "whole number", Kind.FLOAT: "number", Kind.STR: "text", Kind.BOOL: "true or false",
          Kind.DATE: "date", Kind.DATETIME: "time", None: "time"}  # fmt: skip


def count_chosen(project: Project, selection: Sequence[str], keys: Sequence[str] | None, where: str) -> int:
    """How many partitions ``keys=`` and ``where=`` choose of the named assets, without what ``+`` adds.

    Raises as a plan of them does.
    """
    condition, registry = read_condition(where), project.registry()
    selected = read_selection(registry.graph, list(selection))
    return project.catalog.read(lambda batch: choose_partitions(batch, registry, selected, keys, condition).count)


def list_columns(project: Project, selection: Sequence[str]) -> list[tuple[str, str]]:
    """The columns that a condition can ask: those of each asset that is named, and of any that is matched.

    Each comes with a word for its values.
    """
    registry = project.registry()
    selected = read_selection(registry.graph, list(selection))
    named = [name for name in selected.names if name in selected.named]
    asked = named or [name for name in selected.names if name in selected.matched]

    def work(batch: Batch) -> list[tuple[str, str]]:
        tables = [PartitionTable.of_asset(batch, registry[name].asset_id).columns for name in asked]
        every = {column.name: _WORDS[column.kind] for columns in tables for column in columns}
        shared = set[str].intersection(*({column.name for column in columns} for columns in tables))
        return [(name, word) for name, word in every.items() if not named or name in shared]

    return project.catalog.read(work)


def spell_keys_of(project: Project, selection: Sequence[str], keys: Sequence[Any]) -> str:
    """The expression that chooses these keys, of the set of the first asset with partitions that a selection names."""
    registry = project.registry()
    named = [registry[name] for name in read_selection(registry.graph, list(selection)).named]
    node = next((each for each in named if each.definition.is_partitioned), None)
    texts = [key for key in keys if isinstance(key, str)]
    if node is None or len(texts) < len(keys):
        return spell_keys(keys)
    return project.catalog.read(lambda batch: spell_choice(batch, node.set_id, texts))
