"""What Dagster answers to questions about mappings, asked of a workspace as a user asks."""

from __future__ import annotations

from typing import Any

import pytest

import nbpart
from nbpart.errors import NbpartError, UnknownNameError
from nbpart.partitions import PartitionsDefinition
from tests.partitions.dagster import CASES, OURS, is_refused, make_definition, make_mapping, spell
from tests.project.test_dagster_cases import as_dagster, prepare, ws

__all__ = ["ws"]

OF_MAPPINGS = sorted(name for name, case in CASES.items() if "definition" not in case)
#: The first word of what an edge is labelled with that Dagster reads by such a mapping.
DEFAULTS = {
    "TimeWindowPartitionMapping": "overlap",
    "AllPartitionMapping": "all",
    "MultiToSingleDimensionPartitionMapping": "by",
}


@pytest.mark.parametrize("name", OF_MAPPINGS)
def test_a_mapping_answers(ws: nbpart.Workspace, name: str) -> None:
    case = CASES[name]
    expected = OURS.get(name, case["expected"])
    if is_refused(expected):
        with pytest.raises(NbpartError):
            ask_mapping(ws, case)
    else:
        assert ask_mapping(ws, case) == tell(expected)


def up(partition_key: str) -> str:
    return partition_key


def down(up: str) -> str:
    return up


def ask_mapping(ws: nbpart.Workspace, case: dict[str, Any]) -> Any:
    prepare(ws, case)
    question = case["question"]
    reader, source = make_definition(case["downstream"]), make_definition(case["upstream"])
    assert source is not None
    mapping = case.get("mapping")
    deps = {} if mapping is None else {"up": make_mapping(mapping, reader or source, source)}
    ws.register(nbpart.asset(up, partitions=source), nbpart.asset(down, partitions=reader, deps=deps))  # type: ignore[call-overload]
    if question["ask"] == "default_mapping":
        [found] = set(ws.inputs("down", None if reader is None else ws.partitions(reader)[0])["mapping"])
        return found.split()[0]
    if question["ask"] == "validate":
        return "fits"
    assert reader is not None
    asked = source if question["ask"] == "downstream" else reader
    keys = [spell(asked, key) for key in question["keys"]]
    unknown = [key for key in keys if key not in ws.partitions(asked)]
    ask = ws.readers if question["ask"] == "downstream" else ws.inputs
    name = "up" if question["ask"] == "downstream" else "down"
    for key in unknown:
        with pytest.raises(UnknownNameError, match="has no partition"):
            ask(name, key)
    answer = source if asked is reader else reader
    frames = [ask(name, key) for key in keys if key not in unknown]
    found = in_order(answer, list(ws.partitions(answer)), frames)
    if asked is source:
        return found
    waiting = ws.plan("+down").waiting["partition_key"]
    return {"keys": found, "is_waiting": bool(unknown or set(keys) & set(waiting))}


def in_order(definition: PartitionsDefinition, listed: list[str], frames: list[Any]) -> list[str]:
    found = {key for frame in frames for key in frame["partition_key"]}
    assert found <= set(listed)
    return [as_dagster(definition, key) for key in listed if key in found]


def tell(expected: Any) -> Any:
    """An answer as a workspace tells it: not which keys are lacking, but that the partition waits for one."""
    if isinstance(expected, dict):
        return {"keys": expected["keys"], "is_waiting": bool(expected["required_but_missing"])}
    return DEFAULTS.get(expected, expected) if isinstance(expected, str) else expected
