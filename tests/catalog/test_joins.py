"""Joins over a real catalog, judged by the reference in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbpart.partitions.mapping as m
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
from nbpart.partitions.mapping_check import check_mapping
from tests.catalog.worlds import World, open_world
from tests.partitions.reference import Clock, list_rows, make_row, read

NOW = datetime(2024, 3, 20, 10, tzinfo=UTC)
ZONE = "America/New_York"
SHOPS = DynamicPartitions("shops", columns={"kind": str})
DAYS = DailyPartitions("days", start="2024-03-05", timezone=ZONE, exclude="2024-03-13")
HOURS = HourlyPartitions("hours", start="2024-03-08", end="2024-03-18", timezone=ZONE)
WEEKS = WeeklyPartitions("weeks", start="2024-02-26", timezone=ZONE)
MONTHS = MonthlyPartitions("months", start="2023-12-01", timezone=ZONE)
ABROAD = DailyPartitions("abroad", start="2024-03-01", timezone="Asia/Kolkata")
FOLDS = StaticPartitions(range(3), name="folds", column="fold")
DAY_SHOP = MultiPartitions({"day": DAYS, "shop": SHOPS}, name="day_shop")
HOUR_SHOP = MultiPartitions({"hour": HOURS, "shop": SHOPS}, name="hour_shop")
FOLD_SHOP = MultiPartitions({"fold": FOLDS, "shop": SHOPS}, name="fold_shop")
ITEMS = DynamicPartitions("items", {"fold": int}, under={"shop": SHOPS})
KINDS = DynamicPartitions("kinds")
SETS: list[PartitionsDefinition] = [
    SHOPS, DAYS, HOURS, WEEKS, MONTHS, ABROAD, FOLDS, DAY_SHOP, HOUR_SHOP, FOLD_SHOP, ITEMS, KINDS,
]  # fmt: skip
MEMBERS: Dict[str, Dict[str, Dict[str, object]]] = {
    "shops": {"a": {"kind": "x"}, "b": {"kind": "y"}, "c/d": {"kind": None}},
    "items": {f"{shop}/fold%3D{n}": {} for shop in ("a", "c%2Fd") for n in (0, 2)},
    "kinds": {"x": {}, "y": {}, "z": {}},
}
CLOCK = Clock(NOW, MEMBERS)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("joins"), SETS, CLOCK, World) as world:
        yield world


CASES: list[tuple[m.Mapping, PartitionsDefinition, PartitionsDefinition]] = [
    (m.same(), DAY_SHOP, DAY_SHOP),
    (m.all_keys(), SHOPS, HOURS),
    (m.last(3), SHOPS, DAYS),
    (m.last(2), SHOPS, DAY_SHOP),
    (m.only("a", "c/d"), FOLDS, SHOPS),
    (m.pairs({"upstream": ["a", "b", "a"], "this": ["0", "0", "2"]}), FOLDS, SHOPS),
    (m.overlap(), DAYS, HOURS),
    (m.overlap(), HOURS, DAYS),
    (m.overlap(start=-6), DAYS, DAYS),
    (m.overlap(start=-2, end=1), DAYS, HOURS),
    (m.overlap(start=-6, outside="block"), DAYS, DAYS),
    (m.overlap(0, 1), HOURS, HOURS),
    (m.overlap(), MONTHS, WEEKS),
    (m.overlap(), ABROAD, DAYS),
    (m.previous(), DAYS, DAYS),
    (m.previous(7), DAYS, HOURS),
    (m.previous(2, outside="block"), WEEKS, DAYS),
    (m.overlap(start=-3), DAY_SHOP, DAY_SHOP),
    (m.previous(), DAY_SHOP, DAY_SHOP),
    (m.overlap(start=-1), DAY_SHOP, HOUR_SHOP),
    (m.by("shop", hour=("day", m.overlap())), DAY_SHOP, HOUR_SHOP),
    (m.by("shop"), FOLD_SHOP, DAY_SHOP),
    (m.by(), SHOPS, DAY_SHOP),
    (m.by(), DAY_SHOP, SHOPS),
    (m.by(), DAY_SHOP, HOURS),
    (m.by(kind="partition_key"), KINDS, SHOPS),
    (m.by(partition_key="kind"), SHOPS, KINDS),
    (m.by(), ITEMS, SHOPS),
    (m.by(), SHOPS, ITEMS),
    (m.by("fold"), ITEMS, FOLD_SHOP),
    (m.by("fold", "shop"), FOLD_SHOP, ITEMS),
    (m.by(shop=m.only("b"), day=m.previous(2)), DAY_SHOP, DAY_SHOP),
    (m.by(shop=m.pairs({"upstream": ["a", "b"], "this": ["b", "c/d"]}), day=m.overlap(-1, -1)), DAY_SHOP, DAY_SHOP),
    (m.where("upstream.fold <> this.fold"), FOLDS, FOLDS),
    (m.where("upstream.fold <> this.fold"), FOLDS, ITEMS),
    (m.where("upstream.kind = 'x'"), DAYS, SHOPS),
    (m.where("Upstream.partition_key > this.PARTITION_KEY"), SHOPS, KINDS),
    (m.where("upstream.shop = this.shop and upstream.fold <= this.fold"), FOLD_SHOP, ITEMS),
    (m.where("upstream.shop = this.shop and upstream.day between this.day - 2 and this.day"), DAY_SHOP, DAY_SHOP),
    (m.where("upstream.window_end > this.window_start and upstream.window_start < this.window_end"), DAYS, HOURS),
    (m.where("upstream.window_start = this.days"), DAYS, HOURS),
    (m.where("upstream.kind is distinct from this.kind or this.kind is null"), DAY_SHOP, SHOPS),
]


@pytest.mark.parametrize(
    ("mapping", "reader", "source"),
    CASES,
    ids=[f"{c[0].describe()}: {c[1].set_name} reads {c[2].set_name}" for c in CASES],
)
def test_a_relation_is_what_the_reference_reads(
    world: World, mapping: m.Mapping, reader: PartitionsDefinition, source: PartitionsDefinition
) -> None:
    check_relation(world, mapping, reader, source)


def check_relation(
    world: World, mapping: m.Mapping, reader: PartitionsDefinition, source: PartitionsDefinition
) -> None:
    """Compare what each key reads with what the reference says."""
    checked = check_mapping(mapping, reader, source)
    readers, inputs = ([row.key for row in list_rows(one, CLOCK)] for one in (reader, source))
    relation, lacking = world.relation(checked, reader.set_name, source.set_name, readers, inputs)
    for place, key in enumerate(readers):
        wanted = read(checked, reader, source, make_row(reader, key, CLOCK), CLOCK)
        found = [inputs[one] for one in relation.inputs_of(place)]
        assert sorted(found) == sorted(map(str, wanted.keys)), key
        assert (lacking.required[place], lacking.left_out[place]) == (len(wanted.missing), len(wanted.left_out)), key
    for place, key in enumerate(inputs):
        mine = [readers[one] for one in relation.readers_of(place)]
        assert mine == [one for n, one in enumerate(readers) if place in relation.inputs_of(n)], key


@pytest.mark.parametrize(("mapping", "count"), [(m.overlap(start=-100_000), 3), (m.previous(100_000), 2)])
def test_all_that_was_before_is_read_by_going_back_farther_than_there_are_years(
    world: World, mapping: m.Mapping, count: int
) -> None:
    readers = [row.key for row in list_rows(MONTHS, CLOCK)]
    days = [row.key for row in list_rows(DAYS, CLOCK)]
    relation, lacking = world.relation(mapping, "months", "days", readers, days)
    assert readers == ["2023-12", "2024-01", "2024-02"]
    assert relation.inputs_of(2).tolist() == [], "days begin in March"
    assert lacking.required.tolist() == [0, 0, 0]
    assert (lacking.left_out > 10_000).all()
    weeks = [row.key for row in list_rows(WEEKS, CLOCK)]
    relation, _ = world.relation(mapping, "abroad", "weeks", ["2024-03-18"], weeks)
    assert [weeks[place] for place in relation.inputs_of(0)] == ["2024-02-26", "2024-03-04", "2024-03-11"][:count]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_few_keys_are_related_as_among_all(world: World, data: st.DataObject) -> None:
    mapping, reader, source = data.draw(st.sampled_from(CASES))
    checked = check_mapping(mapping, reader, source)
    readers, inputs = ([row.key for row in list_rows(one, CLOCK)] for one in (reader, source))
    some = data.draw(st.lists(st.sampled_from(readers), unique=True, max_size=4))
    others = data.draw(st.lists(st.sampled_from(inputs), unique=True, max_size=30))
    whole, _ = world.relation(checked, reader.set_name, source.set_name, readers, inputs)
    few, _ = world.relation(checked, reader.set_name, source.set_name, some, others)
    for place, key in enumerate(some):
        wanted = {inputs[one] for one in whole.inputs_of(readers.index(key))} & set(others)
        assert {others[one] for one in few.inputs_of(place)} == wanted
    assert np.all(few.count_inputs() <= len(others))
