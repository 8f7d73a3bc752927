from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    MultiPartitions,
    Param,
    PartitionsDefinition,
    StaticPartitions,
    TimeWindowPartitions,
    definition_from_json,
    definition_to_json,
    part_sets,
)

files = DynamicPartitions("files", columns={"site": str, "since": Param(date, default=date(2013, 1, 1))})
chunks = DynamicPartitions("chunks", params={"n": Param(int, default=0)}, under={"file": files})
days = DailyPartitions("days", "2013-01-01", hour=2, timezone="America/New_York", exclude="2013-01-05", column="day")
folds = StaticPartitions([0.5, float("inf")], column="fold")
DEFINITIONS: list[PartitionsDefinition] = [
    files,
    chunks,
    DynamicPartitions("below", under={"chunk": chunks}),
    StaticPartitions(["b", "a"]),
    StaticPartitions(["b", "a"], name="letters"),
    StaticPartitions(["3", "null", "a/b"], column="text"),
    StaticPartitions(range(12), column="fold", name="folds"),
    StaticPartitions([True, False], column="flag"),
    StaticPartitions([date(2013, 1, 1)], column="day"),
    StaticPartitions([datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 2, 3, 4, 5)], column="at"),
    folds,
    days,
    TimeWindowPartitions("quarters", "0 0 1 1,4,7,10 *", "2013-01-01", end="2020-01-01", end_offset=1),
    MultiPartitions({"day": days, "file": files, "f": folds}),
    MultiPartitions({"a": files}, name="one"),
]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: f"{one.kind} {one.set_name}")
def test_what_is_stored_comes_back(definition: PartitionsDefinition) -> None:
    stored: dict[str, Any] = json.loads(json.dumps(definition_to_json(definition), allow_nan=False))
    known = {part.set_name: part for _, part in definition.parts}
    assert part_sets(stored) == tuple(part.set_name for _, part in definition.parts)
    back = definition_from_json(stored, known)
    assert back == definition
    assert (back.set_name, back.name, back.columns) == (definition.set_name, definition.name, definition.columns)
    assert definition_to_json(back) == definition_to_json(definition)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'other'"):
        definition_from_json({"kind": "other", "name": None}, {})
