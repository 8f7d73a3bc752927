"""What Dagster answers to questions about partitions, asked of definitions, choices, mappings and the reference."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.errors import NbpartError
from nbpart.partitions import MultiPartitions, PartitionsDefinition, TimeWindowPartitions
from nbpart.partitions.choice import between, read_choice
from nbpart.partitions.mapping import AllKeys, By, Mapping, Overlap
from nbpart.partitions.mapping_check import check_mapping
from nbpart.partitions.shared_structure import default_mapping
from tests.partitions.dagster import (
    ASKED,
    CASES,
    OURS,
    SAME_ANSWER,
    TOLD,
    UNANSWERED,
    dagster_order,
    instants,
    is_refused,
    make_definition,
    make_mapping,
    read_time,
    spell,
)
from tests.partitions.reference import Clock, Row, choose, find_readers, list_rows, make_row, members, read


def test_every_case_is_asked_and_every_difference_has_a_reason() -> None:
    assert len(CASES) == 109
    differing = {name for name, case in CASES.items() if "nbpart_should" in case}
    assert differing - SAME_ANSWER <= set(OURS)
    assert set(OURS) - differing == {"off-003", "off-009", "st-004"}
    assert set(CASES) >= UNANSWERED
    told = [name for names in TOLD.values() for name in names]
    assert sorted(told) == sorted({*OURS, *ASKED})
    page = (Path(nbpart.__file__).parents[1] / "docs" / "partitions.md").read_text("utf-8")
    rows = {line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.startswith("| ")}
    assert set(TOLD) <= rows


@pytest.mark.parametrize("name", sorted(set(CASES) - UNANSWERED))
def test_what_dagster_answers(name: str) -> None:
    case = CASES[name]
    expected = OURS.get(name, case["expected"])
    if is_refused(expected):
        with pytest.raises(NbpartError):
            ask(case)
    elif case["question"]["ask"] in ("windows", "window") and expected:
        assert instants(ask(case)) == instants(expected)
    else:
        assert ask(case) == expected


def ask(case: dict[str, Any]) -> Any:
    clock = make_clock(case)
    question = case["question"]
    if "definition" in case:
        definition = make_definition(case["definition"])
        assert definition is not None
        return ask_definition(definition, question, clock)
    reader, source = make_definition(case["downstream"]), make_definition(case["upstream"])
    if question["ask"] == "default_mapping":
        kinds: dict[type[Mapping], str] = {Overlap: "TimeWindowPartitionMapping", AllKeys: "AllPartitionMapping",
                                           By: "MultiToSingleDimensionPartitionMapping"}  # fmt: skip
        return kinds[type(default_mapping(reader, source))]
    assert reader is not None
    assert source is not None
    mapping = check_mapping(make_mapping(case["mapping"], reader, source), reader, source)
    if question["ask"] == "validate":
        return "fits"
    keys = [spell(reader if question["ask"] == "upstream" else source, key) for key in question["keys"]]
    if question["ask"] == "upstream":
        found = [read(mapping, reader, source, make_row(reader, key, clock), clock) for key in keys]
        read_keys = {key for one in found for key in one.keys}
        missing = dict.fromkeys(key for one in found for key in one.missing)
        rows = [row for row in list_rows(source, clock) if row.key in read_keys]
        return {"keys": [as_dagster(source, row) for row in rows], "required_but_missing": list(missing)}
    assert question["ask"] == "downstream"
    readers = {one for key in keys for one in find_readers(mapping, reader, source, key, clock)}
    return [as_dagster(reader, row) for row in list_rows(reader, clock) if row.key in readers]


def ask_definition(definition: PartitionsDefinition, question: dict[str, Any], clock: Clock) -> Any:
    asked, rows = question["ask"], list_rows(definition, clock)
    keys = [as_dagster(definition, row) for row in rows]
    if asked == "range":
        first, last_key = (spell(definition, question[end]) for end in ("start", "end"))
        chosen = choose(definition, read_choice(definition, between(first, last_key)), clock)
        return [as_dagster(definition, row) for row in rows if row.key in chosen]
    if asked == "window":
        if isinstance(definition, MultiPartitions):
            [row] = [row for row in rows if row.key == spell(definition, question["key"])]
            return next(list(part.window) for part in row.parts.values() if part.window)
        assert isinstance(definition, TimeWindowPartitions)
        return definition.parse(question["key"])
    if asked == "key_for_instant":
        assert isinstance(definition, TimeWindowPartitions)
        return definition.key_at(read_time(question["instant"]))
    if asked == "window_hours":
        [window] = [row.window for row in rows if row.key == question["key"]]
        assert window is not None
        return (window[1] - window[0]) / timedelta(hours=1)
    answers = {
        "keys": lambda: keys,
        "construct": lambda: "made",
        "count": lambda: len(rows),
        "last_key": lambda: keys[-1],
        "has_key": lambda: question["key"] in keys,
        "next_key": lambda: next(iter(keys[keys.index(question["key"]) + 1 :]), None),
        "windows": lambda: [[row.key, *row.window] for row in rows if row.window],
    }
    return answers[asked]()


def make_clock(case: dict[str, Any]) -> Clock:
    flat = {}
    for name, added in case.get("dynamic_sets", {}).items():
        flat[name] = [key for one in added for key in (one if isinstance(one, list) else [one])]
    return Clock(read_time(case.get("now", "2026-01-01T00:00")), members(**flat))


def as_dagster(definition: PartitionsDefinition, row: Row) -> str:
    if isinstance(definition, MultiPartitions):
        return "|".join(row.parts[name].key for name in sorted(definition.names, key=dagster_order))
    return row.key
