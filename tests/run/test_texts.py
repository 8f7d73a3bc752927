from __future__ import annotations

import math
import os
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

from nbpart.errors import UnsupportedTypeError
from nbpart.run.texts import check_metric, describe_error, show_text


class Depth(IntEnum):
    DEEP = 3


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I will not say")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (10**38 - 1, 10**38 - 1), (-(10**38) + 1, -(10**38) + 1), (np.uint64(2**64 - 1), 2**64 - 1),
        (np.int8(-3), -3), (np.bool_(True), True), (np.float32(0.5), 0.5), (np.array(3), 3), (Depth.DEEP, 3),
        (np.str_("x"), "x"), (-0.0, -0.0), (math.inf, math.inf), ("a\0b", "a\0b"),
    ],
)  # fmt: skip
def test_a_metric_becomes_a_plain_value(value: Any, plain: Any) -> None:
    taken = check_metric("n", value)
    assert (type(taken), repr(taken)) == (type(plain), repr(plain))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param(math.factorial(180), "more than 38 digits", id="long"),
        pytest.param(math.factorial(20_000), "more than 38 digits", id="too long for str"),
        (-(10**38), "more than 38 digits"),
        pytest.param(os.fsdecode(b"caf\xe9.csv"), r"lone surrogate '\\udce9' at position 3", id="surrogate"),
        pytest.param("x" * 10_000_001, "10,000,001 characters", id="huge"),
        (np.longdouble(1), "is a longdouble"),
        ({"a": 1}, "is a dict"),
        (1j, "is a complex"),
        (None, "is a NoneType"),
    ],
)
def test_what_cannot_be_recorded_is_refused_by_name(value: Any, why: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=rf"the metric 'ways' .*{why}"):
        check_metric("ways", value)


def test_a_text_is_shown_whatever_it_holds() -> None:
    assert show_text("caf\udce9 \ud800 a\0b é🎲") == "caf\\udce9 \\ud800 a\\x00b é🎲"
    long = show_text("a" * 1000 + "b" * 1000, 100)
    assert long == "a" * 50 + "\n… 1,900 characters are left out …\n" + "b" * 50
    assert describe_error(Mute()) == "(its message cannot be shown: RuntimeError)"
    assert len(describe_error(ValueError("x" * 1_000_000))) < 11_000
