"""How what a mapping reads arrives: as one value, or as those of many keys."""

from __future__ import annotations

import pytest

import nbpart
from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.arrival import reads_one
from nbpart.partitions.mapping import Mapping

DAYS = nbpart.DailyPartitions("days", start="2013-01-01")
FILES = nbpart.DynamicPartitions("files")
TRIALS = nbpart.DynamicPartitions("trials", params={"lr": float, "depth": int})
GRID = nbpart.MultiPartitions({"day": DAYS, "file": FILES}, name="grid")
CHUNKS = nbpart.DynamicPartitions("chunks", under={"file": FILES})


@pytest.mark.parametrize(
    ("mapping", "reader", "source", "is_one"),
    [
        (nbpart.same(), FILES, FILES, True),
        (nbpart.whole(), FILES, None, True),
        (nbpart.all_keys(), None, FILES, False),
        (nbpart.previous(), DAYS, DAYS, True),
        (nbpart.previous(2), DAYS, DAYS, False),
        (nbpart.last(), None, DAYS, True),
        (nbpart.last(3), None, DAYS, False),
        (nbpart.overlap(), DAYS, DAYS, False),
        (nbpart.only("a"), None, FILES, True),
        (nbpart.only("a", "b"), None, FILES, False),
        (nbpart.by(partition_key="file"), CHUNKS, FILES, True),
        (nbpart.by("file"), FILES, CHUNKS, False),
        (nbpart.by("file"), FILES, GRID, False),
        (nbpart.by("file", day=nbpart.last()), FILES, GRID, True),
        (nbpart.by("file", day=nbpart.last(2)), FILES, GRID, False),
        (nbpart.by("depth"), TRIALS, TRIALS, False),
        (nbpart.by("depth", "lr"), TRIALS, TRIALS, True),
    ],
)
def test_one_value_arrives_where_no_key_reads_more(
    mapping: Mapping, reader: PartitionsDefinition | None, source: PartitionsDefinition | None, is_one: bool
) -> None:
    assert reads_one(mapping, reader, source) is is_one
