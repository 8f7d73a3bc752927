"""Choices of keys in a real catalog, judged by the reference in plain Python."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbpart.catalog import Batch, queries
from nbpart.catalog.queries.chosen_keys import choose_keys, explain_unfound
from nbpart.catalog.set_tables import own_columns
from nbpart.errors import NbpartError, ParameterError, PartitionKeyError, UnknownNameError
from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    Param,
    PartitionsDefinition,
    StaticPartitions,
    WeeklyPartitions,
)
from nbpart.partitions.choice import TypedText, between, read_choice
from tests.catalog.worlds import World, open_world
from tests.partitions.reference import Clock, choose, list_rows

NOW = datetime(2024, 11, 8, 12, tzinfo=UTC)
ZONE = "America/New_York"
FILES = DynamicPartitions("files")
TRIALS = DynamicPartitions("trials", {"lr": float, "depth": Param(int, default=3), "note": Param(str | None)})
SALES = DynamicPartitions("sales", {"day": date, "shop": str}, columns={"site": str})
FOLDS = StaticPartitions(range(12), name="folds", column="fold")
HOLIDAYS = StaticPartitions([date(2024, 2, 1), date(2024, 11, 1), date(2024, 11, 30)], name="holidays", column="on")
DAYS = DailyPartitions("days", "2024-10-28", timezone=ZONE)
WEEKS = WeeklyPartitions("weeks", "2024-10-01", timezone=ZONE)
MONTHS = MonthlyPartitions("months", "2024-01-01")
HOURS = HourlyPartitions("hours", "2024-11-01", timezone=ZONE)
ORIGINS = DynamicPartitions("origins")
GRID = MultiPartitions({"day": DAYS, "origin": ORIGINS}, name="grid")
CV = MultiPartitions({"trial": TRIALS, "fold": FOLDS}, name="cv")
CHUNKS = DynamicPartitions("chunks", under={"sale": SALES})
SETS: list[PartitionsDefinition] = [
    FILES, TRIALS, SALES, FOLDS, HOLIDAYS, DAYS, WEEKS, MONTHS, HOURS, ORIGINS, GRID, CV, CHUNKS,
]  # fmt: skip
JSON = '{"scenario":1, "version":1}'
SOLD = [("10-01", "x"), ("11-30", "y"), ("11-02", "x")]
MEMBERS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "files": {key: {} for key in ("z", "a", "a..b", "m", "b", "2024-11", JSON, '{"scenario":1', '"version":1}')},
    "trials": {
        key: {} for key in ("depth=3,lr=0.1,note=null", "depth=4,lr=0.1,note=%6Eull", "depth=4,lr=0.2,note=a%2Cb")
    },
    "sales": {f"day=2024-{day},shop={shop}": {"site": "s"} for day, shop in SOLD},
    "origins": {"JFK": {}, "EWR": {}, "LGA": {}},
    "chunks": {
        key: {}
        for key in (
            "day%3D2024-10-01%2Cshop%3Dx/1", "day%3D2024-10-01%2Cshop%3Dx/0", "day%3D2024-11-30%2Cshop%3Dy/0",
        )
    },
}  # fmt: skip
CLOCK = Clock(NOW, MEMBERS)


class ChoosingWorld(World):
    """A world of which keys are chosen."""

    def choose(self, definition: PartitionsDefinition, given: Sequence[object]) -> tuple[list[str], list[int]]:
        """The keys that are chosen, and the places of what chooses none."""

        def work(batch: Batch) -> tuple[list[str], list[int]]:
            chosen = choose_keys(batch, self.ids[definition.set_name], given)
            return queries.key_texts(batch, chosen.key_ids).tolist(), chosen.unfound.tolist()

        return self.catalog.read(work)

    def explain(self, definition: PartitionsDefinition, given: object) -> NbpartError:
        set_id = self.ids[definition.set_name]
        return self.catalog.read(lambda batch: explain_unfound(batch, set_id, given, "model"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChoosingWorld]:
    with open_world(tmp_path_factory.mktemp("choices"), SETS, CLOCK, ChoosingWorld) as world:
        yield world


EXAMPLES: list[tuple[PartitionsDefinition, Any]] = [
    (FILES, ["a", "z", "a"]),
    (FILES, ["a..b", JSON, '{"scenario":1', '"version":1}', "2024-11"]),
    (FILES, [between("a", "m")]),
    (FILES, np.array(["m", "a"])),
    (TRIALS, ["lr=1e-1,note=null", {"lr": 0.2, "depth": 4, "note": "a,b"}]),
    (TRIALS, [{"lr": 0.1}]),
    (TRIALS, [{"note": None}]),
    (TRIALS, [{"note": ["null", "a,b", None], "depth": [3, 4]}]),
    (SALES, [{"day": "2024-11"}]),
    (SALES, [{"day": ["2024-10", date(2024, 11, 2)], "shop": "x"}]),
    (FOLDS, [3, "11", np.int64(5)]),
    (FOLDS, [between(9, "11"), {"fold": [0, 1]}]),
    (HOLIDAYS, ["2024-11"]),
    (HOLIDAYS, [between("2024-02", "2024-11-01")]),
    (DAYS, [date(2024, 11, 3), pd.Timestamp("2024-11-04"), np.datetime64("2024-11-05"), "2024-10-28"]),
    (DAYS, pd.date_range("2024-10-29", "2024-11-02", tz=ZONE)),
    (DAYS, ["2024-11"]),
    (DAYS, [between("2024-11-05", "2024-12-31")]),
    (DAYS, [{"days": ["2024-11-03", date(2024, 11, 1)]}]),
    (WEEKS, ["2024-10"]),
    (MONTHS, ["2024", "2024-01"]),
    (HOURS, [date(2024, 11, 3)]),
    (HOURS, ["2024-11-03T01", pd.Timestamp("2024-11-02 05:00")]),
    (HOURS, [datetime(2024, 11, 3, 1), datetime(2024, 11, 3, 1, fold=1), datetime(2024, 11, 3, 5, tzinfo=UTC)]),
    (HOURS, [between("2024-11-02", date(2024, 11, 3))]),
    (HOURS, [between("2024-11-03T01:00-0500", "2024-11-03T02:00")]),
    (HOURS, [between(datetime(2024, 11, 3, 5, tzinfo=UTC), "2024-11-03T01:00-0500")]),
    (GRID, ["origin=LGA,day=2024-11-03", {"day": date(2024, 11, 2), "origin": "EWR"}]),
    (GRID, [{"origin": ["EWR", "JFK"], "day": "2024-11"}]),
    (GRID, [between({"origin": "JFK", "day": "2024-11"}, {"origin": "EWR", "day": "2024-11"})]),
    (GRID, [{"day": between("2024-10-30", "2024-11-02"), "origin": "LGA"}]),
    (GRID, ["2024-10", date(2024, 11, 1)]),
    (CV, [{"lr": 0.1, "fold": [0, "1"]}, {"trial": {"depth": 4}, "lr": 0.2}]),
    (CHUNKS, ["day=2024-10-01,shop=x/0"]),
    (CHUNKS, [{"sale": {"day": "2024-10"}}, {"chunks": "0"}]),
    (CHUNKS, [{"shop": "x", "chunks": ["0", "1"]}]),
    (FILES, [TypedText("a..b"), TypedText("z..a")]),
    (DAYS, [TypedText("2024-11-03..2024-11")]),
    (GRID, [TypedText("day=2024-11-01..2024-11-03,origin=EWR"), TypedText("origin=JFK")]),
    (CV, [TypedText("lr=0.2,fold=3..5")]),
]


@pytest.mark.parametrize(("definition", "given"), EXAMPLES, ids=[f"{d.set_name}: {g}" for d, g in EXAMPLES])
def test_a_choice_is_what_the_reference_says_in_the_order_of_the_set(
    world: ChoosingWorld, definition: PartitionsDefinition, given: Any
) -> None:
    listed = list(given)
    expected = choose(definition, [one for some in listed for one in read_choice(definition, some)], CLOCK)
    assert expected, "an example chooses something"
    assert world.choose(definition, listed) == (expected, [])


def test_hours_of_new_york_between_dates(world: ChoosingWorld) -> None:
    for days in (between("2024-11-02", "2024-11-03"), TypedText("2024-11-02..2024-11-03")):
        assert len(world.choose(HOURS, [days])[0]) == 49
    for day in ("2024-11-03", date(2024, 11, 3)):
        assert len(world.choose(HOURS, [day])[0]) == 25


def test_a_text_that_is_a_key_chooses_that_one_alone(world: ChoosingWorld) -> None:
    for key in MEMBERS["files"]:
        assert world.choose(FILES, [key]) == world.choose(FILES, [TypedText(key)]) == ([key], [])


@pytest.mark.parametrize(
    ("definition", "given", "error", "message"),
    [
        (FILES, "bb", UnknownNameError, "model has no partition 'bb'; did you mean 'b'"),
        (FILES, "\ud800", PartitionKeyError, "model: Partitions 'files': The partition key"),
        (FILES, 5, PartitionKeyError, "model: Partitions 'files': .*5 is of type int"),
        (FILES, between("a", "x"), UnknownNameError, "model has no partition 'x'; there is"),
        (FILES, between("m", "z"), PartitionKeyError, "model: The range from 'm' to 'z' runs backwards"),
        (FILES, TypedText("q..m"), UnknownNameError, "model has no partition 'q'; there is"),
        (FILES, TypedText("m..z"), PartitionKeyError, "runs backwards"),
        (TRIALS, {"lr": 0.3}, UnknownNameError, "model has no partition with lr=0.3; did you mean '0.2'"),
        (TRIALS, {"lr": [0.1, 0.15]}, UnknownNameError, "model has no partition with lr=0.15; did you mean '0.1'"),
        (TRIALS, {"lr": 0.2, "depth": 3}, UnknownNameError, "model has no partition with lr=0.2 and depth=3; they go"),
        (TRIALS, {"dept": 2}, ParameterError, "model: Partitions 'trials': 'dept' makes no key.*did you mean 'depth'"),
        (SALES, {"day": "2023"}, UnknownNameError, "model has no partition with day=2023…; they go from"),
        (DAYS, "2025-01", UnknownNameError, "no partition within '2025-01'; they go from '2024-10-28' to '2024-11-07'"),
        (DAYS, "2024-11-30", UnknownNameError, "no partition '2024-11-30'; they go from .* to '2024-11-07'"),
        (DAYS, date(2020, 1, 1), UnknownNameError, "model: Partitions 'days': no window begins at .*the first begins"),
        (DAYS, between("2024-12-01", "2024-12-02"), UnknownNameError, "no partition from '2024-12-01' to '2024-12-02'"),
        (HOURS, datetime(2024, 11, 3, 1, 30), UnknownNameError, "no window begins at"),
        (HOURS, datetime(2025, 3, 9, 2), UnknownNameError, "no window begins at .*lies in '2025-03-09T03:00'"),
        (GRID, {"origin": "EWX"}, UnknownNameError, "model has no origin 'EWX'; did you mean 'EWR'"),
        (GRID, {"day": "2023"}, UnknownNameError, "model has no day within '2023'; they go from '2024-10-28'"),
        (CHUNKS, {"shop": "q"}, UnknownNameError, "model has no sale with shop=q; there is 'x', 'y'"),
    ],
)
def test_what_chooses_no_key_is_told_in_one_sentence(
    world: ChoosingWorld, definition: PartitionsDefinition, given: Any, error: type[Exception], message: str
) -> None:
    assert world.choose(definition, [given]) == ([], [0])
    found = world.explain(definition, given)
    assert type(found) is error
    with pytest.raises(error, match=message):
        raise found


def test_what_chooses_none_leaves_the_others_chosen(world: ChoosingWorld) -> None:
    given = ["a", "nowhere", between("m", "z"), {"x": 1}, "b"]
    assert world.choose(FILES, given) == (["a", "b"], [1, 2, 3])
    assert world.choose(DAYS, [date(2024, 11, 1), date(2025, 1, 1), "x"]) == (["2024-11-01"], [1, 2])


def test_rows_of_a_frame_are_found_together_and_those_without_a_key_are_told(world: ChoosingWorld) -> None:
    rows = [{"lr": 0.1, "note": None}, {"lr": 0.2, "note": "a,b"}, {"lr": 0.2, "note": None}, {"lr": 7.0, "note": "x"}]
    assert world.choose(TRIALS, rows) == (["depth=3,lr=0.1,note=null", "depth=4,lr=0.2,note=a%2Cb"], [2, 3])
    sold = [{"fold": fold, "lr": lr} for fold in (0, 3) for lr in (0.1, 0.2)]
    assert world.choose(CV, sold) == (choose(CV, [read_choice(CV, one)[0] for one in sold], CLOCK), [])
    days = [{"day": date(2024, 11, day)} for day in (1, 3, 30)]
    assert world.choose(GRID, [*days, {"origin": "EWR"}, "2024-10", days[0]]) == (
        choose(GRID, [read_choice(GRID, one)[0] for one in (*days[:2], {"origin": "EWR"}, "2024-10")], CLOCK),
        [2],
    )


def test_the_empty_list_chooses_nothing(world: ChoosingWorld) -> None:
    for definition in SETS:
        assert world.choose(definition, []) == ([], [])


def choices(definition: PartitionsDefinition) -> st.SearchStrategy[Any]:
    rows = list_rows(definition, CLOCK)
    place = st.integers(0, len(rows) - 1)
    keys = place.map(lambda n: rows[n].key)
    ranges = st.tuples(place, place).map(lambda two: between(rows[min(two)].key, rows[max(two)].key))
    ways = [keys, keys.map(TypedText)]
    if not isinstance(definition, MultiPartitions):
        ways += [ranges, st.tuples(keys, keys).map(lambda two: between(*two))]
    if own := [c.name for c in own_columns(definition)]:
        ways.append(st.tuples(place, st.sampled_from(own)).map(lambda one: {one[1]: rows[one[0]].values[one[1]]}))
    for name, part in definition.parts:
        inner = st.lists(choices(part).filter(lambda one, part=part: find_chosen(part, one)), min_size=1, max_size=3)
        ways.append(inner.map(lambda chosen, name=name: {name: chosen[0] if len(chosen) == 1 else chosen}))
    return st.one_of(ways)


def find_chosen(definition: PartitionsDefinition, one: object) -> list[str]:
    """The keys that one choice means by the reference; none where it cannot be read."""
    try:
        return choose(definition, read_choice(definition, one), CLOCK)
    except NbpartError:
        return []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_random_choices_are_what_the_reference_says(world: ChoosingWorld, data: st.DataObject) -> None:
    definition = data.draw(st.sampled_from(SETS))
    given = data.draw(st.lists(choices(definition), max_size=5))
    found = [find_chosen(definition, one) for one in given]
    keys = set(itertools.chain(*found))
    expected = [row.key for row in list_rows(definition, CLOCK) if row.key in keys]
    assert world.choose(definition, given) == (expected, [place for place, some in enumerate(found) if not some])
