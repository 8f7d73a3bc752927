from __future__ import annotations

from typing import Any

import pytest

from nbpart.widgets import schema
from nbpart.widgets.schema import BadRequest, Check


@pytest.mark.parametrize(
    ("check", "value", "wanted"),
    [
        (schema.text(), "a", "a"),
        (schema.text(empty=True), "", ""),
        (schema.whole_number(0, 9), 3.0, 3),
        (schema.number(0, 9), 3, 3.0),
        (schema.boolean, False, False),
        (schema.one_of("a", "b"), "b", "b"),
        (schema.list_of(schema.text()), ["a"], ["a"]),
        (schema.optional(schema.text()), None, None),
        (schema.mapping_of(schema.scalar), {"lr": 0.1, "n": None}, {"lr": 0.1, "n": None}),
    ],
)
def test_a_right_value_passes(check: Check, value: Any, wanted: Any) -> None:
    assert check(value) == wanted


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (schema.text(), ""),
        (schema.text(), None),
        (schema.text(3), "abcd"),
        (schema.whole_number(0, 9), 10),
        (schema.whole_number(0, 9), "3"),
        (schema.whole_number(0, 9), float("nan")),
        (schema.whole_number(0, 9), float("inf")),
        (schema.number(0, 9), float("nan")),
        (schema.number(0, 9), True),
        (schema.boolean, 1),
        (schema.one_of("a", "b"), "c"),
        (schema.one_of("a", "b"), ["a"]),
        (schema.list_of(schema.text()), "abc"),
        (schema.list_of(schema.text()), [1]),
        (schema.list_of(schema.text(), most=1), ["a", "b"]),
        (schema.optional(schema.text()), 3),
        (schema.mapping_of(schema.scalar), {"a": []}),
        (schema.mapping_of(schema.scalar), {1: 2}),
        (schema.scalar, {}),
    ],
)
def test_a_wrong_value_does_not(check: Check, value: Any) -> None:
    with pytest.raises(BadRequest):
        check(value)
