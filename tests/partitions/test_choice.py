"""Which keys a person chooses, as records, and what these mean by the reference."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import ParameterError, PartitionKeyError, UnknownNameError
from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    Param,
    PartitionsDefinition,
    StaticPartitions,
    TimeWindowPartitions,
    WeeklyPartitions,
)
from nbpart.partitions.choice import (
    Between,
    ByColumns,
    KeyOrRange,
    OneKey,
    TypedText,
    between,
    read_choice,
    read_one_key,
    read_typed_choice,
)
from nbpart.partitions.date_parts import DatePart, read_date_part
from tests.partitions.reference import Clock, choose, list_rows, members

files = DynamicPartitions("files")
trials = DynamicPartitions("trials", params={"lr": float, "depth": Param(int, default=3), "note": Param(str | None)})
sales = DynamicPartitions("sales", params={"day": date, "shop": str}, columns={"site": str})
folds = StaticPartitions(range(12), name="folds", column="fold")
holidays = StaticPartitions(["2013-01-01", "2013-07-04", "2014-01-01"], name="names")
typed_days = StaticPartitions([date(2013, 1, 1), date(2013, 1, 31), date(2013, 2, 1)], column="day")
days = DailyPartitions("days", "2013-01-01", timezone="America/New_York")
weeks = WeeklyPartitions("weeks", "2013-01-01")
months = MonthlyPartitions("months", "2013-01-01")
hours = HourlyPartitions("hours", "2024-11-01", timezone="America/New_York")
quarters = TimeWindowPartitions("quarters_of_hours", "*/15 * * * *", "2024-11-03", timezone="America/New_York")
origins = StaticPartitions(["EWR", "JFK", "LGA"], name="origins")
grid = MultiPartitions({"day": days, "origin": origins}, name="grid")
cv = MultiPartitions({"trial": trials, "fold": folds}, name="cv")
chunks = DynamicPartitions("chunks", under={"sale": sales})
clock = Clock(
    datetime(2013, 3, 2, 12, tzinfo=UTC),
    members(
        files=["z", "a", "m", "b", "a..b", "2013-01"],
        trials=["depth=3,lr=0.1,note=null", "depth=4,lr=0.1,note=%6Eull", "depth=4,lr=0.2,note=a%2Cb"],
        sales=["day=2013-01-01,shop=x", "day=2013-01-31,shop=y", "day=2013-02-01,shop=x"],
        chunks=["day%3D2013-01-01%2Cshop%3Dx/0", "day%3D2013-02-01%2Cshop%3Dx/0", "day%3D2013-02-01%2Cshop%3Dx/1"],
    ),
)
later = Clock(datetime(2024, 12, 1, tzinfo=UTC), clock.members)


def chosen(definition: PartitionsDefinition, given: Any, at: Clock = clock) -> list[str]:
    return choose(definition, read_choice(definition, given), at)


def test_one_key_and_several() -> None:
    assert read_choice(files, "a") == (OneKey("a"),)
    assert read_choice(files, ["a", "b", "a"]) == (OneKey("a"), OneKey("b"))
    assert read_choice(files, []) == ()
    assert read_choice(folds, [3, "3", np.int64(3)]) == (OneKey("3"),)
    assert read_choice(trials, "lr=1e-1,depth=3,note=x") == (OneKey("depth=3,lr=0.1,note=x"),)
    assert read_choice(days, [date(2013, 1, 31), "2013-01-31", pd.Timestamp("2013-01-31")]) == (OneKey("2013-01-31"),)


def test_a_text_is_a_part_of_a_date_only_where_there_are_dates() -> None:
    assert read_choice(files, "2013-01") == (OneKey("2013-01"),)
    assert read_choice(holidays, "2013-01-01") == (OneKey("2013-01-01"),)
    assert read_choice(months, "2013-01") == (OneKey("2013-01"),)
    assert read_choice(days, "2013-01") == (DatePart("2013-01", datetime(2013, 1, 1), datetime(2013, 2, 1)),)
    with pytest.raises(UnknownNameError):
        read_choice(holidays, "2013")


@pytest.mark.parametrize(
    ("given", "since", "until"),
    [
        ("2013", datetime(2013, 1, 1), datetime(2014, 1, 1)),
        ("2013-12", datetime(2013, 12, 1), datetime(2014, 1, 1)),
        ("2012-02-29", datetime(2012, 2, 29), datetime(2012, 3, 1)),
        ("2013-01-31T23", datetime(2013, 1, 31, 23), datetime(2013, 2, 1)),
        ("2013-01-31 05", datetime(2013, 1, 31, 5), datetime(2013, 1, 31, 6)),
        (date(2013, 1, 31), datetime(2013, 1, 31), datetime(2013, 2, 1)),
        (np.datetime64("2013-01-31"), datetime(2013, 1, 31), datetime(2013, 2, 1)),
    ],
)
def test_parts_of_a_date(given: Any, since: datetime, until: datetime) -> None:
    part = read_date_part(given)
    assert part is not None
    assert (part.since, part.until) == (since, until)


@pytest.mark.parametrize(
    "given", ["2013-13", "2013-02-30", "13-01", "2013-1", "2013-01-31T05:00", "0000", "9999", "x", 2013, None, pd.NaT]
)
def test_what_is_no_part_of_a_date(given: Any) -> None:
    assert read_date_part(given) is None


def test_a_part_of_a_date_is_all_within() -> None:
    assert len(chosen(days, "2013-01")) == 31
    assert len(chosen(days, ["2013-01", "2013-02-01"])) == 32
    assert chosen(weeks, "2013-01") == ["2013-01-07", "2013-01-14", "2013-01-21", "2013-01-28"]
    assert chosen(months, "2013") == ["2013-01", "2013-02"]
    assert chosen(typed_days, "2013-01") == ["2013-01-01", "2013-01-31"]


def test_a_day_of_hours_is_all_of_it() -> None:
    for day in ("2024-11-03", date(2024, 11, 3), [date(2024, 11, 3), "2024-11-03"]):
        assert len(chosen(hours, day, later)) == 25
    assert len(chosen(hours, "2024-11-03T01", later)) == 2
    assert len(chosen(quarters, "2024-11-03T02", later)) == 4
    assert chosen(hours, pd.Timestamp("2024-11-03"), later) == ["2024-11-03T00:00"]


def test_between_holds_both_ends_whole() -> None:
    assert len(chosen(hours, between("2024-11-02", "2024-11-03"), later)) == 49
    assert len(chosen(hours, between(date(2024, 11, 2), "2024-11-03T23:00"), later)) == 49
    assert len(chosen(days, between("2013-01-30", "2013-02"))) == 2 + 28
    assert len(chosen(days, between("2013-01-15", "2013-01"))) == 17
    assert chosen(folds, between(2, "4")) == ["2", "3", "4"]
    assert chosen(files, between("z", "m")) == ["z", "a", "m"]
    assert chosen(typed_days, between("2013-01-31", "2013-02")) == ["2013-01-31", "2013-02-01"]


def test_a_range_of_a_product_is_the_product_of_the_ranges() -> None:
    given = between("day=2013-01-01,origin=EWR", {"day": date(2013, 1, 2), "origin": "JFK"})
    pairs = itertools.product(["2013-01-01", "2013-01-02"], ["EWR", "JFK"])
    assert chosen(grid, given) == [f"day={day},origin={origin}" for day, origin in pairs]
    assert len(chosen(grid, between("2013-01", "2013-02"))) == 59 * 3
    assert len(chosen(grid, between({"origin": "JFK"}, {"origin": "LGA"}))) == 60 * 2


@pytest.mark.parametrize(
    ("definition", "first", "last"),
    [
        (days, "2013-01-05", "2013-01-02"),
        (days, "2013-02", "2013-01"),
        (days, "2013-02-01", "2013-01"),
        (folds, 10, 2),
        (holidays, "2014-01-01", "2013-01-01"),
        (typed_days, "2013-02", "2013-01-31"),
        (grid, "day=2013-01-02,origin=EWR", "day=2013-01-01,origin=LGA"),
        (grid, "2013-02", "2013-01"),
    ],
)
def test_a_range_that_runs_backwards_is_refused(definition: Any, first: Any, last: Any) -> None:
    with pytest.raises(PartitionKeyError, match=f"from {first!r} to {last!r} runs backwards|runs backwards"):
        read_choice(definition, between(first, last))


def test_a_dict_of_all_that_makes_a_key_is_the_key() -> None:
    assert read_choice(trials, {"lr": 0.1, "depth": 3, "note": None}) == (OneKey("depth=3,lr=0.1,note=null"),)
    assert read_choice(grid, {"day": date(2013, 1, 1), "origin": "EWR"}) == (OneKey("day=2013-01-01,origin=EWR"),)
    assert read_choice(folds, {"fold": 3}) == (OneKey("3"),)
    assert read_choice(chunks, {"sale": "shop=x,day=2013-01-01", "chunks": "0"}) == (
        OneKey("day%3D2013-01-01%2Cshop%3Dx/0"),
    )


def test_a_dict_of_some_is_all_keys_with_these() -> None:
    assert chosen(trials, {"lr": 0.1}) == ["depth=3,lr=0.1,note=null", "depth=4,lr=0.1,note=%6Eull"]
    assert chosen(trials, {"note": None}) == ["depth=3,lr=0.1,note=null"]
    assert chosen(trials, {"note": "null"}) == ["depth=4,lr=0.1,note=%6Eull"]
    assert chosen(trials, {"note": ["null", "a,b"], "depth": 4}) == [
        "depth=4,lr=0.1,note=%6Eull",
        "depth=4,lr=0.2,note=a%2Cb",
    ]
    assert len(chosen(grid, {"origin": "EWR"})) == 60
    assert len(chosen(grid, {"origin": ["EWR", "JFK"], "day": "2013-01"})) == 62
    assert len(chosen(grid, {"day": between("2013-01-30", "2013-02-02"), "origin": "LGA"})) == 4
    assert len(chosen(grid, "2013-01")) == 31 * 3
    assert len(chosen(cv, {"lr": 0.1, "fold": [0, "1"]})) == 4
    assert len(chosen(cv, {"trial": {"depth": 4}})) == 24
    assert len(chosen(cv, {"trial": {"depth": 4}, "lr": 0.2})) == 12


def test_parts_of_dates_inside_dicts_and_lists() -> None:
    assert chosen(sales, {"day": "2013-01"}) == ["day=2013-01-01,shop=x", "day=2013-01-31,shop=y"]
    assert chosen(sales, {"day": ["2013-02", date(2013, 1, 1)], "shop": "x"}) == [
        "day=2013-01-01,shop=x",
        "day=2013-02-01,shop=x",
    ]
    assert len(chosen(chunks, {"sale": {"day": "2013-02"}})) == 2
    assert len(chosen(chunks, {"day": "2013-02", "chunks": "1"})) == 1


def test_a_key_that_looks_like_a_range_is_a_key() -> None:
    assert read_choice(files, "a..b") == (OneKey("a..b"),)
    typed = read_typed_choice(files, "a..b")
    assert typed == KeyOrRange("a..b", (OneKey("a..b"),), (Between(OneKey("a"), OneKey("b")),))
    assert choose(files, [typed], clock) == ["a..b"]
    gone = Clock(clock.now, members(files=["z", "a", "m", "b"]))
    assert choose(files, [typed], gone) == ["a", "m", "b"]
    assert choose(files, [read_typed_choice(files, "z..m")], clock) == ["z", "a", "m"]


def test_typed_ranges() -> None:
    assert len(choose(hours, [read_typed_choice(hours, "2024-11-02..2024-11-03")], later)) == 49
    assert len(choose(days, [read_typed_choice(days, "2013-01..2013-02-03")], clock)) == 34
    assert read_typed_choice(days, "2013-01") == read_choice(days, "2013-01")[0]
    dotted = Clock(clock.now, members(files=["a.", "x", "b", ".b"]))
    assert choose(files, [read_typed_choice(files, "a...b")], dotted) == ["a.", "x", "b"]
    with pytest.raises(PartitionKeyError, match="backwards"):
        read_typed_choice(days, "2013-02..2013-01")
    with pytest.raises(UnknownNameError, match="'x' is no key"):
        read_typed_choice(days, "2013-01..x")


def typed(definition: PartitionsDefinition, text: str, at: Clock = clock) -> list[str]:
    assert read_choice(definition, TypedText(text)) == (read_typed_choice(definition, text),)
    return choose(definition, [read_typed_choice(definition, text)], at)


def test_typed_values_choose_all_keys_with_these() -> None:
    assert len(typed(grid, "origin=EWR")) == 60
    assert len(typed(grid, "day=2013-01,origin=EWR")) == 31
    assert len(typed(grid, "origin=EWR, day=2013-01-30..2013-02-02")) == 4
    assert len(typed(grid, "origin=EWR..JFK")) == 60 * 2
    assert typed(grid, "origin=EWR,day=2013-01-31") == ["day=2013-01-31,origin=EWR"]
    assert typed(trials, "depth=4,lr=2e-1") == ["depth=4,lr=0.2,note=a%2Cb"]
    assert typed(trials, "note=a%2Cb") == ["depth=4,lr=0.2,note=a%2Cb"]
    assert typed(trials, "note=null") == ["depth=3,lr=0.1,note=null"]
    assert typed(trials, "note=%6Eull") == ["depth=4,lr=0.1,note=%6Eull"]
    assert typed(sales, "day=2013-01") == ["day=2013-01-01,shop=x", "day=2013-01-31,shop=y"]
    assert len(typed(chunks, "chunks=0")) == 2
    assert len(typed(chunks, "sale=day%3D2013-02-01%2Cshop%3Dx")) == 2
    assert len(typed(cv, "lr=0.1,fold=2..4")) == 6


def test_a_typed_value_of_the_only_parameter_of_a_dimension_chooses_its_key() -> None:
    rates = DynamicPartitions("rates", params={"lr": float})
    at = Clock(clock.now, members(rates=["lr=0.1", "lr=0.2"]))
    crossed = MultiPartitions({"rate": rates, "fold": folds})
    assert typed(crossed, "lr=1e-1,fold=3", at) == ["fold=3,rate=lr%3D0.1"]
    assert chosen(crossed, {"lr": 0.1, "fold": 3}, at) == ["fold=3,rate=lr%3D0.1"]


def test_a_typed_text_that_spells_a_key_is_that_key_and_no_choice_by_values() -> None:
    noted = DynamicPartitions("noted", params={"lr": float, "depth": Param(int, default=3)})
    assert read_typed_choice(noted, "lr=0.1") == OneKey("depth=3,lr=0.1")
    assert read_typed_choice(files, "a=b") == OneKey("a=b")
    assert read_typed_choice(files, "a=b..c").keys == (OneKey("a=b..c"),)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("definition", "text", "error", "says"),
    [
        (grid, "orign=EWR", ParameterError, "'orign' makes no key of theirs.*did you mean 'origin'"),
        (grid, "origin=EWX", UnknownNameError, "did you mean 'EWR'"),
        (grid, "EWR", PartitionKeyError, "day=…,origin=…"),
        (grid, "origin=EWR,origin=JFK", PartitionKeyError, "two values"),
        (trials, "depth=x", ParameterError, "Parameter 'depth' takes int"),
        (trials, "depth=3..4", ParameterError, "between.. is for keys"),
    ],
)
def test_typed_texts_that_are_refused(definition: Any, text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        read_typed_choice(definition, text)


@pytest.mark.parametrize(
    ("definition", "given", "key"),
    [
        (files, "2013-01", "2013-01"),
        (days, date(2013, 1, 31), "2013-01-31"),
        (days, pd.Timestamp("2013-01-31"), "2013-01-31"),
        (hours, pd.Timestamp("2024-11-03 05:00"), "2024-11-03T05:00"),
        (months, np.datetime64("2013-01-01"), "2013-01"),
        (folds, np.int64(3), "3"),
        (DynamicPartitions("noted", params={"lr": float, "depth": Param(int, default=3)}), {"lr": 1}, "depth=3,lr=1.0"),
        (grid, {"day": date(2013, 1, 1), "origin": "EWR"}, "day=2013-01-01,origin=EWR"),
    ],
)
def test_one_key_in_every_form(definition: Any, given: Any, key: str) -> None:
    assert read_one_key(definition, given) == key


@pytest.mark.parametrize(
    ("definition", "given", "error", "says"),
    [
        (files, ["a", "b"], PartitionKeyError, "Partitions 'files': One key is taken here, and .* chooses several"),
        (files, [], PartitionKeyError, "chooses none"),
        (files, between("a", "b"), PartitionKeyError, r"between\('a', 'b'\) chooses several"),
        (files, b"a", PartitionKeyError, "of type bytes"),
        (days, "2013-01", PartitionKeyError, "'2013-01' chooses several"),
        (hours, date(2024, 11, 3), PartitionKeyError, "chooses several"),
        (grid, "2013-01-01", PartitionKeyError, "chooses several"),
        (grid, {"origin": "EWR"}, ParameterError, "The dimension 'day' has no value"),
        (trials, {"depth": 3}, ParameterError, "'lr' has no value"),
    ],
)
def test_several_keys_are_refused_where_one_is_taken(
    definition: Any, given: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        read_one_key(definition, given)


@pytest.mark.parametrize(
    ("definition", "given", "error", "says"),
    [
        (files, {"lr": 1}, ParameterError, "Partitions 'files': They have no parameters"),
        (files, 3, PartitionKeyError, "^Partitions 'files': A partition key is text"),
        (trials, {"dept": 1}, ParameterError, "'dept' makes no key of theirs.* did you mean 'depth'"),
        (trials, {}, ParameterError, "empty dict"),
        (trials, {"lr": "x"}, ParameterError, "Parameter 'lr' takes float"),
        (trials, {"lr": between(0.1, 0.2)}, ParameterError, "between.. is for keys"),
        (
            sales,
            {"site": "x"},
            ParameterError,
            r"'site' is a column and makes no key of theirs: where={'site': 'x'} ch",
        ),
        (
            DynamicPartitions("sheets", columns={"batch": str}),
            {"batch": ["A", "B"]},
            ParameterError,
            r"'batch' is a column and makes no key of theirs: where={'batch': \['A', 'B'\]} chooses by it",
        ),
        (sales, {"day": "2013-02-30"}, ParameterError, "Parameter 'day' takes date"),
        (grid, {"origin": "EWX"}, UnknownNameError, "did you mean 'EWR'"),
        (grid, {"orign": "EWR"}, ParameterError, "did you mean 'origin'"),
        (grid, {"day_start": "2013-01-01"}, ParameterError, "'day_start' is a column and makes no key"),
        (
            grid,
            between("2013-01", {"origin": "EWR"}),
            PartitionKeyError,
            "other dimensions at its ends: day and origin",
        ),
        (grid, between({"x": 1}, {"x": 2}), ParameterError, "no dimension 'x'"),
        (
            MultiPartitions({"a": days, "b": hours}),
            "2013-01",
            PartitionKeyError,
            "a and b have dates: name the dimension",
        ),
        (days, between("2012-12-12", "2013-01-05"), UnknownNameError, "the first begins at 2013-01-01"),
        (days, date(2012, 12, 31), UnknownNameError, "the first begins"),
        (weeks, "2013-01-09", UnknownNameError, "lies in '2013-01-07'"),
        (cv, "2013-01", PartitionKeyError, "fold=…,trial=…"),
    ],
)
def test_choices_that_are_refused(definition: Any, given: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        read_choice(definition, given)
    assert str(caught.value).count("Partitions '") <= 2


def test_a_dict_of_columns_is_read_once() -> None:
    choice = read_choice(cv, {"lr": 0.1, "fold": [0, "0"]})[0]
    [lr] = [column for column in trials.columns if column.name == "lr"]
    assert choice == ByColumns((), (("trial", (ByColumns(((lr, (0.1,)),), ()),)), ("fold", (OneKey("0"),))))


@given(st.data())
def test_every_key_chooses_itself_alone(data: st.DataObject) -> None:
    definition = data.draw(st.sampled_from([files, trials, sales, folds, days, months, grid, cv, chunks]))
    rows = list_rows(definition, clock)
    row = data.draw(st.sampled_from(rows))
    assert chosen(definition, row.key) == [row.key]
    assert choose(definition, [read_typed_choice(definition, row.key)], clock) == [row.key]


@given(st.data())
def test_a_range_is_what_lies_between_its_ends(data: st.DataObject) -> None:
    definition = data.draw(st.sampled_from([files, trials, folds, days, weeks, months, chunks]))
    keys = [row.key for row in list_rows(definition, clock)]
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(keys) - 1)] * 2)))
    assert chosen(definition, between(keys[first], keys[last])) == keys[first : last + 1]
