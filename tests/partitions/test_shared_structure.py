"""The mapping that two sets suggest by what they are made of."""

from __future__ import annotations

from datetime import date

import pytest

from nbpart.errors import DeclarationError
from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    PartitionsDefinition,
    StaticPartitions,
    WeeklyPartitions,
)
from nbpart.partitions.mapping import Mapping, all_keys, by, overlap, same, whole
from nbpart.partitions.shared_structure import default_mapping, find_windows, list_levels

days = DailyPartitions("days", "2013-01-01")
weeks = WeeklyPartitions("weeks", "2013-01-01")
months = MonthlyPartitions("months", "2013-01-01")
hours = HourlyPartitions("hours", "2013-01-01")
files, other = DynamicPartitions("files"), DynamicPartitions("other")
origins = StaticPartitions(["EWR", "JFK"])
folds = StaticPartitions(range(5), name="folds", column="fold")
trials = DynamicPartitions("trials", params={"lr": float})
cv = MultiPartitions({"trial": trials, "fold": folds}, name="cv")
grid = MultiPartitions({"day": days, "origin": origins}, name="grid")
samples = DynamicPartitions("samples", columns={"batch": str})
chunks = DynamicPartitions("chunks", under={"sample": samples})
reads = DynamicPartitions("reads", under={"chunk": chunks})
images = DynamicPartitions("images", under={"sample": samples})
sales = DynamicPartitions("sales", params={"day": date, "shop": str})


@pytest.mark.parametrize(
    ("reader", "source", "expected"),
    [
        (None, None, whole()),
        (days, None, whole()),
        (None, days, all_keys()),
        (None, grid, all_keys()),
        (days, days, same()),
        (grid, MultiPartitions({"day": days, "origin": origins}, name="grid"), same()),
        (weeks, days, overlap()),
        (days, DailyPartitions("utc", "2013-01-01", timezone="America/New_York"), overlap()),
        (files, other, all_keys()),
        (files, days, all_keys()),
        (trials, sales, all_keys()),
        # a dimension and its product
        (cv, folds, by(partition_key="fold")),
        (trials, cv, by(trial="partition_key")),
        (grid, origins, by(partition_key="origin")),
        (grid, days, by(partition_key="day")),
        (days, grid, by(day="partition_key")),
        # windows of two frequencies
        (MultiPartitions({"week": weeks, "origin": origins}), days, by(partition_key=("week", overlap()))),
        (weeks, grid, by(day=("partition_key", overlap()))),
        (
            MultiPartitions({"month": months, "origin": origins}),
            grid,
            by("origin", day=("month", overlap())),
        ),
        (MultiPartitions({"d": days, "origin": origins}), grid, by("origin", day="d")),
        # two dimensions with dates are two too many
        (MultiPartitions({"a": weeks, "b": months}), days, all_keys()),
        (MultiPartitions({"a": weeks, "b": days}), days, by(partition_key="b")),
        # one dimension in common
        (MultiPartitions({"trial": trials, "origin": origins}), cv, by("trial")),
        (MultiPartitions({"o": origins, "f": files}), MultiPartitions({"origin": origins, "x": other}), by(origin="o")),
        # dimensions of one name that are other lists
        (MultiPartitions({"origin": ["EWR"], "x": files}), grid, by("origin")),
        (MultiPartitions({"fold": ["0"], "x": files}), cv, all_keys()),
        # parents and children, over several levels
        (samples, chunks, by(sample="partition_key")),
        (chunks, samples, by(partition_key="sample")),
        (samples, reads, by(sample="partition_key")),
        (reads, samples, by(partition_key="sample")),
        (chunks, reads, by(chunk="partition_key")),
        (reads, chunks, by(partition_key="chunk")),
        (images, chunks, by("sample")),
        (images, reads, by("sample")),
        (MultiPartitions({"chunk": chunks, "fold": folds}), samples, by(partition_key="sample")),
        (MultiPartitions({"chunk": chunks, "fold": folds}), reads, by("chunk")),
        (DynamicPartitions("below", under={"day": days}), hours, by(partition_key=("day", overlap()))),
    ],
)  # fmt: skip
def test_defaults(reader: PartitionsDefinition | None, source: PartitionsDefinition | None, expected: Mapping) -> None:
    found = default_mapping(reader, source)
    assert found == expected
    assert type(found) is type(expected)


def test_two_dimensions_that_could_be_meant_are_asked_for() -> None:
    flights = MultiPartitions({"origin": origins, "dest": origins})
    with pytest.raises(DeclarationError, match=r"'dest' and 'origin' both have the keys of .*say which is meant"):
        default_mapping(flights, origins)
    assert default_mapping(flights, MultiPartitions({"origin": origins, "day": days})) == by("origin")


def test_levels() -> None:
    product = MultiPartitions({"chunk": chunks, "day": days})
    assert [(level.name, level.depth) for level in list_levels(product)] == [
        ("partition_key", 0),
        ("chunk", 1),
        ("day", 1),
        ("sample", 2),
    ]
    assert [level.name for level in find_windows(product)] == ["day"]
    assert [level.name for level in find_windows(days)] == ["partition_key"]
    assert find_windows(samples) == []
