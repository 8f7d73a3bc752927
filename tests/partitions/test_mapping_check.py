"""Which mappings fit which partitions, and what they say in full."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from nbpart.errors import DeclarationError
from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MultiPartitions,
    PartitionsDefinition,
    StaticPartitions,
    WeeklyPartitions,
)
from nbpart.partitions.mapping import (
    Mapping,
    Match,
    all_keys,
    by,
    last,
    only,
    overlap,
    pairs,
    previous,
    same,
    where,
    whole,
)
from nbpart.partitions.mapping_check import check_mapping, compares_texts, expand_mapping
from nbpart.partitions.shared_structure import default_mapping

days = DailyPartitions("days", "2013-01-01", end="2014-01-01", column="day")
weeks = WeeklyPartitions("weeks", "2013-01-01")
hours = HourlyPartitions("hours", "2013-01-01", column="hour")
origins = StaticPartitions(["EWR", "JFK"])
folds = StaticPartitions(range(5), name="folds", column="fold")
files, other = DynamicPartitions("files"), DynamicPartitions("other", columns={"batch": str, "n": int})
trials = DynamicPartitions("trials", params={"lr": float, "n": int})
grid = MultiPartitions({"day": days, "origin": origins}, name="grid")
cv = MultiPartitions({"trial": trials, "fold": folds}, name="cv")
two = MultiPartitions({"day": days, "week": weeks}, name="two")
by_week = MultiPartitions({"group": origins, "weekly": weeks}, name="by_week")
samples = DynamicPartitions("samples")
chunks = DynamicPartitions("chunks", under={"sample": samples})
EVERY = [None, days, weeks, hours, origins, folds, files, other, trials, grid, cv, by_week, samples, chunks]


@pytest.mark.parametrize("reader", EVERY, ids=lambda one: one and one.set_name)
@pytest.mark.parametrize("source", EVERY, ids=lambda one: one and one.set_name)
def test_every_default_fits(reader: PartitionsDefinition | None, source: PartitionsDefinition | None) -> None:
    mapping = default_mapping(reader, source)
    assert check_mapping(mapping, reader, source) == mapping
    assert expand_mapping(mapping, reader, source) == mapping


@pytest.mark.parametrize(
    ("mapping", "reader", "source"),
    [
        (same(), days, days),
        (overlap(-6), weeks, days),
        (previous(), days, days),
        (previous(), days, hours),
        (previous(), grid, grid),
        (previous(), grid, days),
        (last(), None, days),
        (last(3), origins, files),
        (last(), grid, grid),
        (last(), origins, by_week),
        (all_keys(), None, grid),
        (by("day"), days, DynamicPartitions("sales", params={"day": date, "shop": str})),
        (by(batch="partition_key"), files, other),
        (by(partition_key="partition_key"), files, other),
        (by("n"), trials, other),
        (by(day=overlap(), week=previous()), two, two),
        (by(day=previous()), two, two),
        (by(day=last()), None, grid),
        (by("origin", day=last()), MultiPartitions({"origin": origins, "x": files}), grid),
        (by(weekly=("day", overlap())), grid, by_week),
        (by(group=("fold", pairs({"upstream": ["EWR"], "this": ["3"]}))), cv, by_week),
        (by(trial=("trial", only("lr=1.0,n=1"))), files, cv),
        (by(), grid, days),
        (by(day=("day", previous())), days, grid),
        (by(fold="partition_key"), StaticPartitions(["0", "1"]), cv),
        (whole(), days, None),
        (where("upstream.day = this.days"), days, grid),
        (where("upstream.fold > 1"), None, folds),
    ],
)
def test_what_fits(mapping: Mapping, reader: Any, source: Any) -> None:
    assert check_mapping(mapping, reader, source) == mapping


def test_keys_are_spelled() -> None:
    assert check_mapping(only(date(2013, 1, 2), "2013-01-02"), None, days) == only("2013-01-02")
    assert check_mapping(only({"lr": 1, "n": 2}), files, trials) == only("lr=1.0,n=2")
    given = pairs({"upstream": [date(2013, 1, 2), date(2013, 1, 1), "2013-01-02"], "this": [1, "0", "1"]})
    spelled = pairs({"upstream": ["2013-01-01", "2013-01-02"], "this": ["0", "1"]})
    assert check_mapping(given, folds, days) == spelled
    shuffled = pairs({"upstream": ["2013-01-02", "2013-01-01"], "this": [1, 0]})
    assert check_mapping(shuffled, folds, days) == spelled
    assert check_mapping(by(fold=only(3)), files, cv) == by(fold=only("3"))
    assert check_mapping(only("a", of="x"), None, files).of == "x"


@pytest.mark.parametrize(
    ("mapping", "reader", "source", "full"),
    [
        (previous(), grid, grid, by("origin", day=previous())),
        (overlap(-1, -1, of="x"), grid, grid, by("origin", day=overlap(-1, -1))),
        (previous(), grid, days, by(partition_key=("day", previous()))),
        (previous(), days, grid, by(day=("partition_key", previous()))),
        (overlap(), by_week, grid, by(origin="group", day=("weekly", overlap()))),
        (last(), grid, grid, by("origin", day=last())),
        (last(2), origins, by_week, by(group="partition_key", weekly=last(2))),
        (last(), None, grid, by(day=last())),
        (last(), days, chunks, last()),
        (previous(), days, hours, previous()),
        (by(), grid, days, by(partition_key="day")),
    ],
)
def test_in_full(mapping: Mapping, reader: Any, source: Any, full: Mapping) -> None:
    found = expand_mapping(mapping, reader, source)
    assert (found, found.of) == (full, mapping.of)
    assert check_mapping(found, reader, source) == found


@pytest.mark.parametrize(
    ("mapping", "reader", "source", "says"),
    [
        (all_keys(), days, None, "no partitions"),
        (where("this.days is null"), days, None, "no partitions"),
        (whole(), None, days, "all_keys"),
        (same(), days, weeks, "'days' and the windows 'weeks' are two"),
        (same(), origins, days, "by.partition_key="),
        (same(), None, days, "the reader has no partitions"),
        (by("day"), None, days, "the reader has no partitions"),
        (pairs({"upstream": [], "this": []}), None, days, "the reader has no partitions"),
        (previous(), None, days, "the reader has no partitions"),
        (previous(), two, two, "previous moves along one dimension .*'two' with 'day' and 'week': .*by.day=previous"),
        (overlap(), two, days, "overlap moves .*'two' with 'day' and 'week'"),
        (overlap(), days, two, "overlap moves"),
        (last(), None, two, "last moves along one dimension"),
        (last(), files, cv, "last moves .*'cv' with no windows: read by other columns"),
        (previous(), files, files, "'files' with no windows"),
        (previous(), cv, cv, "'cv' with no windows"),
        (overlap(), files, days, "'files' with no windows"),
        (by(), files, other, "no dimension or parent in common"),
        (by("origin"), days, grid, "the reader has no column 'origin'"),
        (by("orign"), grid, grid, "the input has no column 'orign'; did you mean 'origin'"),
        (by(origin="orign"), grid, grid, "the reader has no column 'orign'; did you mean 'origin'"),
        (by(batch="fold"), MultiPartitions({"f": folds}), other, "no column 'fold'"),
        (by(lr="batch"), other, trials, "'lr' of the input is number and 'batch' of the reader is str"),
        (by(day="hour"), hours, grid, "never equal: compare columns of one type, or relate them by overlap"),
        (by(lr=overlap()), trials, trials, "'lr' is no dimension or parent of"),
        (by(day=overlap()), grid, DynamicPartitions("s", params={"day": date}), "'day' is no dimension"),
        (by(day=("origin", overlap())), grid, grid, "by, at 'day': overlap moves along one dimension of windows"),
        (by(fold=only(7)), files, cv, "by, at 'fold': only: '7' is no key"),
        (only("EWX"), files, origins, "only: 'EWX' is no key .*did you mean 'EWR'"),
        (only("2012-01-01"), files, days, "only: .*first begins at"),
        (only("2014-01-01"), files, days, "only: .*end at"),
        (only("lr=x,n=1"), files, trials, "only: .*Parameter 'lr' takes float"),
        (only(3), files, files, "only: .*type int"),
        (pairs({"upstream": ["EWX"], "this": ["a"]}), files, origins, "pairs: upstream: 'EWX' is no key"),
        (pairs({"upstream": ["EWR"], "this": [7]}), folds, origins, "pairs: this: '7' is no key"),
        (pairs({"upstream": ["EWR", None], "this": [1, 2]}), folds, origins, "pairs: upstream: .*NoneType"),
    ],
)  # fmt: skip
def test_what_does_not_fit(mapping: Mapping, reader: Any, source: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        check_mapping(mapping, reader, source)


def test_columns_are_compared_as_values_and_keys_as_texts() -> None:
    assert not compares_texts(Match("fold", "fold"), cv, folds)
    assert compares_texts(Match("partition_key", "fold"), cv, folds)
    assert compares_texts(Match("fold", "batch"), other, cv)
    assert not compares_texts(Match("day", "day"), grid, days)
    assert compares_texts(Match("day", "partition_key"), days, grid)
