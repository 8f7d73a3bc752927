from __future__ import annotations

import datetime
import enum
import math
import re
from decimal import Decimal
from pathlib import Path, PureWindowsPath
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.assets.spelling import LINE, CannotSpell, no_name, spell, spell_setting
from nbpart.partitions import DailyPartitions, DynamicPartitions, Parameters, definition_from_json


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


def name_of(item: Any) -> str:
    return "re.compile" if item is re.compile else "re.RegexFlag" if item is re.RegexFlag else item.__name__


KNOWN = {
    "datetime": datetime.datetime,
    "date": datetime.date,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
    "timezone": datetime.timezone,
    **{c.__name__: c for c in (ZoneInfo, Decimal, Path, PureWindowsPath, Mode, DynamicPartitions, Parameters)},
    **{c.__name__: c for c in (np.float32, np.int64, np.bool_, np.str_)},
    "re": re,
    "definition_from_json": definition_from_json,
}


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime.datetime(2020, 1, 1, 1, 2, 3, 4, tzinfo=datetime.UTC),
        datetime.time(1, 2, tzinfo=datetime.UTC),
        datetime.timedelta(days=-1, microseconds=5),
        datetime.timedelta(),
        datetime.date.max,
        Decimal("1E+5"),
        range(5, 1, -2),
        Path("a 'b'") / 'c "d"',
        PureWindowsPath(r"C:\new"),
        Mode.READ,
        Mode.READ | Mode.WRITE,
        Mode(0),
        np.float32(0.1),
        np.int64(-3),
        np.bool_(True),
        np.str_("a"),
        re.compile(rb"\d", re.I),
        re.compile('say "\\d"\n', re.X | re.S),
        re.compile("ends in \\\\"),
        DynamicPartitions("files"),
        DynamicPartitions("trials", params={"lr": float}),
        DynamicPartitions("samples", params={"n": int}, columns={"batch": str}),
        DynamicPartitions("chunks", under={"day": DailyPartitions("days", "2013-01-01")}),
        DynamicPartitions("reads", under={"chunk": DynamicPartitions("chunks", under={"f": ["a'b", "c"]})}),
    ],
    ids=repr,
)
def test_values_come_back_equal_and_of_their_type(value: Any) -> None:
    made = eval(spell(value, name_of), dict(KNOWN))
    assert type(made) is type(value)
    assert made == value
    assert getattr(made, "fold", 0) == getattr(value, "fold", 0)


@pytest.mark.parametrize("value", [datetime.date, max, re.compile, Mode])
def test_classes_and_functions_are_spelled_by_name(value: Any) -> None:
    assert spell([value], name_of) == f"[{name_of(value)}]"
    with pytest.raises(CannotSpell):
        spell([value], no_name)


@pytest.mark.parametrize("value", [np.array([1]), np.datetime64("2020-01-01"), type("Mine", (int,), {})(3), iter([])])
def test_what_only_looks_plain_has_no_spelling(value: Any) -> None:
    with pytest.raises(CannotSpell) as caught:
        spell({"deep": [value]}, name_of)
    assert caught.value.value is value


def test_special_floats_come_back() -> None:
    for value in (math.inf, -math.inf, -0.0):
        assert repr(eval(spell(value, no_name))) == repr(value)
    assert math.isnan(eval(spell(math.nan, no_name)))


ITEMS = (0, 8, 16, 32, "a", "b")


@given(st.permutations(ITEMS))
def test_sets_are_spelled_the_same_in_any_order(items: list[Any]) -> None:
    assert spell(set(items), no_name) == spell(set(ITEMS), no_name)


@given(st.lists(st.text("ab'\"\n", max_size=40) | st.lists(st.integers(0, 9**9), max_size=20), max_size=20))
def test_long_values_are_laid_out_within_a_line(value: list[Any]) -> None:
    spelled = spell(value, no_name)
    assert eval(spelled) == value
    assert all(len(line.rstrip(",")) <= LINE for line in spelled.splitlines())


def test_a_value_that_stands_twice_in_a_list_is_spelled_twice() -> None:
    shared = [1]
    assert spell([shared, shared], no_name) == "[[1], [1]]"


SETTINGS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(SETTINGS)
def test_settings_come_back(value: Any) -> None:
    spelled = spell_setting(value)
    assert spelled is not None
    assert eval(spelled) == value


@pytest.mark.parametrize("value", [math.inf, [math.nan], {"a": {1}}, {None: 1}, (b"x",), np.float64(1), Mode.READ])
def test_what_json_cannot_carry_is_no_setting(value: Any) -> None:
    assert spell_setting(value) is None


def test_a_value_that_holds_itself_is_refused_as_a_setting() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert spell_setting(loop) is None
