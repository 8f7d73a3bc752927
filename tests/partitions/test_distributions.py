from __future__ import annotations

import decimal
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError, ParameterError
from nbpart.partitions.distributions import (
    Distribution,
    choice,
    distribution_from_json,
    integers,
    logintegers,
    loguniform,
    uniform,
)
from nbpart.partitions.parameters import Param, Parameters

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**63), 2**63 - 1)
units = st.floats(0, 1, exclude_max=True)
options = st.one_of(
    st.lists(st.text("abc,=/%é", max_size=5), min_size=1, unique=True),
    st.lists(st.booleans(), min_size=1, unique=True),
    st.lists(whole, min_size=1, unique=True),
    st.lists(st.floats(allow_nan=False), min_size=1, unique=True),
)


@st.composite
def fractions(draw: st.DrawFn) -> Distribution:
    is_log = draw(st.booleans())
    low, high = sorted(draw(st.lists(positive if is_log else finite, min_size=2, max_size=2)))
    assume(low < high)
    return (loguniform if is_log else uniform)(low, high)


@st.composite
def counts(draw: st.DrawFn) -> Distribution:
    is_log = draw(st.booleans())
    low, high = sorted(draw(st.lists(st.integers(1, 2**63 - 1) if is_log else whole, min_size=2, max_size=2)))
    return (logintegers if is_log else integers)(low, high)


anything = st.one_of(fractions(), counts(), options.map(choice), options.map(lambda some: choice([*some, None])))


@given(anything, units)
def test_what_is_drawn_can_be_drawn_and_comes_back_of_its_key(distribution: Distribution, unit: float) -> None:
    value = distribution.at(unit)
    parameters = Parameters.declare({"x": distribution})
    assert distribution.contains(value)
    assert parameters.parse(parameters.spell({"x": value})) == {"x": value}
    assert value == parameters.canonical({"x": value})["x"]


@given(anything)
def test_a_distribution_comes_back_as_it_was_stored(distribution: Distribution) -> None:
    parameters = Parameters.declare({"x": Param(distribution)})
    assert Parameters.from_json(parameters.to_json()) == parameters
    assert Parameters.declare(parameters.as_declared()) == parameters
    assert distribution_from_json(distribution.kind, distribution.to_json()) == distribution


@given(fractions(), units)
def test_fractions_have_few_digits_but_a_thousand_steps(distribution: Any, unit: float) -> None:
    value = distribution.at(unit)
    width = Decimal(distribution.high) - Decimal(distribution.low)
    exact = distribution.low * (1 - unit) + distribution.high * unit
    if not distribution.is_log:
        # no further from what was drawn than a step, which is under a thousandth of the range
        assert abs(Decimal(value) - Decimal(exact)) <= width / 999
    digits = len(Decimal(repr(value)).normalize().as_tuple().digits)
    ratio = max(abs(Decimal(distribution.low)), abs(Decimal(distribution.high))) / width
    assert digits <= max(4, ratio.adjusted() + 6)


@pytest.mark.parametrize(
    ("low", "high", "least"), [(1000, 1001, 1000), (1.00004, 9.99996, 5000), (-1e-9, 1e-9, 1000), (0, 1, 9000)]
)
def test_a_narrow_range_keeps_its_values_apart_and_inside(low: float, high: float, least: int) -> None:
    drawn = [uniform(low, high).at(unit) for unit in np.random.default_rng(0).random(20_000).tolist()]
    assert all(isinstance(value, float) and low <= value <= high for value in drawn)
    assert len(set(drawn)) >= least


def test_keys_can_be_read() -> None:
    at_half = {
        loguniform(1e-4, 1e-1): "0.003162",
        loguniform(1e-4, 1e-3): "0.0003162",
        uniform(0, 1): "0.5",
        uniform(1000, 1001): "1000.5",
        uniform(-1, 1): "0.0",
        integers(0, 10**9): "500000000",
        logintegers(1, 10_000): "71",
        choice(["gbt", "rf"]): "rf",
    }
    assert {repr(one): Parameters.declare({"x": one}).spell({"x": one.at(0.5)}) for one in at_half} == {
        repr(one): f"x={text}" for one, text in at_half.items()
    }


def test_the_precision_of_somebodys_own_sums_changes_no_value() -> None:
    here = uniform(1000, 1001).at(0.123456)
    with decimal.localcontext(decimal.Context(prec=3, traps=[decimal.Inexact])):
        assert uniform(1000, 1001).at(0.123456) == here == 1000.1235


def test_both_ends_are_in_and_each_value_has_its_share() -> None:
    steps = [step / 1000 for step in range(1000)]
    assert [[integers(2, 5).at(u) for u in steps].count(value) for value in (2, 3, 4, 5)] == [250] * 4
    assert [[choice(["x", "y"]).at(u) for u in steps].count(value) for value in "xy"] == [500] * 2
    assert [integers(3, 3).at(u) for u in (0, 0.5, 0.999)] == [3] * 3
    logs = [logintegers(1, 1000).at(u) for u in steps]
    assert (min(logs), logintegers(1, 1000).at(math.nextafter(1, 0))) == (1, 1000)
    assert abs(sum(value <= 31 for value in logs) - 545) < 10  # log(31.5 / 0.5) of log(1000.5 / 0.5)
    assert uniform(0, 5).at(0) == 0.0
    assert uniform(0, 5).at(math.nextafter(1, 0)) == 5.0


def test_a_distribution_is_a_type() -> None:
    parameters = Parameters.declare(
        {
            "a": uniform(0, 1), "b": integers(1, 9), "c": choice(["x", "y"]), "d": choice([1, 0.5]),
            "e": choice([True, False]), "f": choice([None, 3]), "g": Param(loguniform(1, 2), default=None),
            "h": integers(1e3, np.int64(5000)),
        }
    )  # fmt: skip
    assert [(p.kind, p.optional) for p in parameters] == [
        ("float", False), ("int", False), ("str", False), ("float", False), ("bool", False), ("int", True),
        ("float", True), ("int", False),
    ]  # fmt: skip
    spelled = parameters.spell({"a": 7, "b": 0, "c": "z", "d": 2, "e": True, "f": None, "h": 1000})
    assert spelled == "a=7.0,b=0,c=z,d=2.0,e=true,f=null,g=null,h=1000", "values outside of it are values of its type"
    with pytest.raises(ParameterError, match=r"'b' takes int, not 0\.5"):
        parameters.spell({"a": 7, "b": 0.5, "c": "z", "d": 2, "e": True, "f": None, "h": 1})
    assert repr(parameters.as_declared()["g"]) == "Param(loguniform(1.0, 2.0), default=None)"
    assert repr(Parameters.declare({"x": float}).as_declared()) == "{'x': Param(float)}"


def test_other_bounds_keep_what_keys_mean() -> None:
    first = Parameters.declare({"batch": choice([64, 128]), "lr": uniform(0, 1), "top": choice([None, 5])})
    more = Parameters.declare({"batch": choice([64, 128, 256]), "lr": loguniform(1e-4, 2), "top": choice([5, 10])})
    one = Parameters.declare({"batch": choice([256]), "lr": float, "top": choice([5, 10])})
    key = first.spell({"batch": 64, "lr": 0.5, "top": None})
    extended = first.extended_by(more).extended_by(one)
    assert extended.parse(key) == {"batch": 64, "lr": 0.5, "top": None}
    assert [repr(p.distribution) for p in extended] == ["choice([256])", "None", "choice([5, 10])"]
    with pytest.raises(ParameterError, match="'batch' took int and would take float"):
        first.extended_by(Parameters.declare({"batch": choice([0.5]), "lr": float, "top": choice([None, 5])}))


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda: uniform(1, 0), r"uniform\(1\.0, 0\.0\) has no values: its first bound has to be the lower one"),
        (lambda: uniform(1, 1), "has no values"),
        (lambda: integers(9, 2), r"integers\(9, 2\) has no values"),
        (lambda: loguniform(0, 1), r"loguniform\(0\.0, 1\.0\) needs bounds above 0, as 0 has no logarithm"),
        (lambda: loguniform(-1, 1), "above 0"),
        (lambda: logintegers(0, 8), r"logintegers\(0, 8\) needs bounds above 0"),
        (lambda: uniform(0, math.inf), "takes finite numbers as its bounds, not inf of type float"),
        (lambda: uniform(math.nan, 1), "not nan"),
        (lambda: uniform("0", 1), "not '0' of type str"),
        (lambda: uniform(True, 2), "not True of type bool"),
        (lambda: integers(0.5, 2), "takes whole numbers of 64 bits as its bounds, not 0.5"),
        (lambda: integers(0, 2**63), "64 bits"),
        (lambda: choice([]), "at least one value that is not None"),
        (lambda: choice([None]), "at least one value that is not None"),
        (lambda: choice("rf"), "takes a list of values, not 'rf'"),
        (lambda: choice({"a", "b"}), "takes a list of values"),
        (lambda: choice(3), "takes a list of values, not 3"),
        (lambda: choice([[64, 64], [128]]), r"not \[64, 64\] of type list: name it by a text"),
        (lambda: choice([{"a": 1}]), "of type dict"),
        (lambda: choice([print]), "of type builtin_function_or_method"),
        (lambda: choice([64, 64]), "choice() has 64 twice, and equal values are one key"),
        (lambda: choice([1, 1.0]), "has 1.0 twice"),
        (lambda: choice([0.0, -0.0]), "twice"),
        (lambda: choice([None, 1, None]), "has None twice"),
        (lambda: choice(["a", 1]), "values of one type, not of int and str"),
        (lambda: choice([True, 1]), "values of one type, not of bool and int"),
        (lambda: choice([1.0, math.nan]), "nan equals nothing"),
    ],
)  # fmt: skip
def test_what_is_no_distribution(declare: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says.replace("choice()", r"choice\(\)")) as refused:
        declare()
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
