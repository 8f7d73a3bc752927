from __future__ import annotations

import json
import math

import pytest

from nbpart.widgets.values import to_exact_json


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2**53 - 1, 2**53 - 1), (2**53, "9007199254740992"), (-(2**53), "-9007199254740992"), (3, 3), (0.5, 0.5),
        (math.nan, "nan"), (-math.inf, "-inf"), (True, "true"), ("7", "7"),
    ],
)  # fmt: skip
def test_what_javascript_cannot_hold_is_text(value: float | bool | str, shown: float | str) -> None:
    result = to_exact_json(value)
    assert (type(result), result) == (type(shown), shown)
    json.dumps(result, allow_nan=False)
