"""What Dagster answers to questions about partitions, asked of a workspace as a user asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.errors import NbpartError, UnknownNameError
from nbpart.partitions import MultiPartitions, PartitionsDefinition
from nbpart.project.partition_set import PartitionSet
from tests.partitions.dagster import (
    ASKED,
    CASES,
    OURS,
    UNANSWERED,
    dagster_order,
    instants,
    is_refused,
    make_definition,
    read_time,
    spell,
)


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[nbpart.Workspace]:
    with nbpart.open(tmp_path / "workspace") as workspace:
        yield workspace


OF_SETS = sorted(name for name, case in CASES.items() if "definition" in case and name not in UNANSWERED)


@pytest.mark.parametrize("name", OF_SETS)
def test_a_set_answers(ws: nbpart.Workspace, name: str) -> None:
    case = CASES[name]
    expected = ASKED.get(name, OURS.get(name, case["expected"]))
    if is_refused(expected):
        with pytest.raises(NbpartError):
            ask_set(ws, case)
    elif case["question"]["ask"] in ("windows", "window") and expected:
        assert instants(ask_set(ws, case)) == instants(expected)
    else:
        assert ask_set(ws, case) == expected


def ask_set(ws: nbpart.Workspace, case: dict[str, Any]) -> Any:
    prepare(ws, case)
    found = ws.partitions(make_definition(case["definition"]))
    key, ends = case["question"].get("key"), [case["question"].get(end) for end in ("start", "end")]
    answers: dict[str, Callable[[], Any]] = {
        "construct": lambda: "made",
        "keys": lambda: [as_dagster(found.definition, one) for one in found],
        "count": lambda: len(found),
        "last_key": lambda: found[-1],
        "has_key": lambda: key in found,
        "next_key": lambda: next(iter(list(found)[list(found).index(key) + 1 :]), None),
        "range": lambda: choose_between(found, *ends),
        "windows": lambda: found.frame[["partition_key", "window_start", "window_end"]].values.tolist(),
        "window": lambda: find_window(found, spell(found.definition, key)),
        "window_hours": lambda: (found.row(key)["window_end"] - found.row(key)["window_start"]) / timedelta(hours=1),
        "key_for_instant": lambda: find_key(found, read_time(case["question"]["instant"])),
    }
    return answers[case["question"]["ask"]]()


def prepare(ws: nbpart.Workspace, case: dict[str, Any]) -> None:
    """Set the clock of a workspace to that of a case, and add its keys, call by call."""
    now = read_time(case.get("now", "2026-01-01T00:00"))
    ws.project.catalog.clock = lambda: now
    for name, added in case.get("dynamic_sets", {}).items():
        files = ws.dynamic_partitions(name)
        for one in added if isinstance(added[0], list) else [added]:
            files.add(one)


def choose_between(found: PartitionSet, first: str, last: str) -> list[str]:
    chosen = found.choose(nbpart.between(spell(found.definition, first), spell(found.definition, last)))
    return [as_dagster(found.definition, one) for one in chosen]


def find_window(found: PartitionSet, key: str) -> list[Any] | None:
    try:
        row = found.row(key)
    except UnknownNameError:
        return None
    return [row[next(name for name in row if name.endswith(end))] for end in ("_start", "_end")]


def find_key(found: PartitionSet, instant: Any) -> str | None:
    """The key of the window in which an instant lies, as the advice says it."""
    with pytest.raises(UnknownNameError, match="it is excluded"):
        found.row(instant)
    return None


def as_dagster(definition: PartitionsDefinition, key: str) -> str:
    if isinstance(definition, MultiPartitions):
        parts = definition.split(key)
        return "|".join(parts[name] for name in sorted(definition.names, key=dagster_order))
    return key
