"""What a board sends to its pages."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbpart.widgets.board_choice import BoardChoice, find_chosen, spell_backfill, spell_where
from nbpart.widgets.board_model import MOST_ROWS, BoardModel, ColumnFacts, make_board


def make(
    columns: dict[str, Any], *, settings: tuple[str, ...] = (), is_log: dict[str, bool] | None = None
) -> BoardModel:
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame(
        {
            "partition_key": [f"k{row}" for row in range(n)], **columns, "duration_s": 1.0,
            "status": "materialized", "stopped_early": False, "run_id": "r",
        }
    )  # fmt: skip
    own = [name for name in columns if name not in settings]
    return make_board("model", frame, ColumnFacts(own, settings, (), is_log or {}, {}), 0, {"seed": 1})


@pytest.mark.parametrize(
    ("values", "kind", "is_whole"),
    [
        ([1, 2], "number", True),
        ([1.5, None], "number", False),
        (pd.array([1, None], dtype="Int64"), "number", True),
        (pd.Series([3, 0.5], dtype=object), "number", False),
        (["a", None], "category", False),
        ([True, False], "category", False),
        (pd.Series([True, 3], dtype=object), "category", False),
        ([[1], {"a": 2}], "category", False),
        ([None, None], "category", False),
        ([date(2013, 1, 1), None], "time", False),
        (pd.to_datetime(["2013-01-01", None], utc=True), "time", False),
    ],
)
def test_a_column_is_numbers_times_or_categories(values: Any, kind: str, is_whole: bool) -> None:
    model = make({"x": values})
    column = model.column_of["x"]
    assert (column.kind, column.is_whole) == (kind, is_whole)
    assert np.isnan(column.values).tolist() == pd.Series(values).isna().tolist()
    if kind == "time":
        assert column.values[0] == 1_356_998_400_000
    sent = np.frombuffer(model.encode(), "<f8").reshape(len(model.columns), -1)
    assert sent[0] == pytest.approx(column.values, nan_ok=True)


def test_an_axis_is_logarithmic_where_values_are_spread_so_or_the_distribution_says_so() -> None:
    rng = np.random.default_rng(0)
    spread = {"spread": 10 ** rng.uniform(-4, 0, 200), "even": rng.random(200), "below": rng.normal(0, 100, 200)}
    drawn = make(
        {**spread, "drawn": np.linspace(1, 2, 200), "not": 10 ** rng.uniform(-4, 0, 200)},
        is_log={"drawn": True, "not": False},
    )
    assert {name: drawn.column_of[name].is_log for name in ("spread", "even", "below", "drawn", "not")} == {
        "spread": True, "even": False, "below": False, "drawn": True, "not": False,
    }  # fmt: skip


def test_more_rows_than_a_page_draws_are_told() -> None:
    sent = make({"x": np.arange(MOST_ROWS + 3)}).to_json()
    assert (len(sent["keys"]), sent["more"], sent["constant"]) == (MOST_ROWS, 3, "seed=1")


def test_a_brush_chooses_what_has_a_value_and_nothing_chooses_nothing() -> None:
    model = make({"x": [1.0, np.nan, np.inf, 3.0]})
    assert find_chosen(model, BoardChoice()).tolist() == [False] * 4
    assert spell_where(model, BoardChoice()) == ""
    for bounds, wanted, where in [
        ((None, None), [0, 2, 3], "x is not null"),
        ((2.0, None), [2, 3], "x >= 2.0"),
        ((None, 2.0), [0], "x <= 2.0"),
        ((1e-7, 3.0), [0, 3], "x >= 1e-07 and x <= 3.0"),
    ]:
        choice = BoardChoice(ranges={"x": bounds})
        assert np.flatnonzero(find_chosen(model, choice)).tolist() == wanted
        assert spell_where(model, choice) == where


def test_settings_are_no_columns_of_conditions_so_keys_are_spelled() -> None:
    model = make({"x": [1, 2, 3], "epochs": [10, 20, 30]}, settings=("epochs",))
    choice = BoardChoice(ranges={"epochs": (15.0, None), "x": (None, 2.0)})
    assert spell_where(model, choice) == "partition_key in ('k1')"
    assert spell_where(model, BoardChoice(ranges={"gone": (None, None)})) == "false"


def test_bounds_of_whole_numbers_and_dates_are_whole() -> None:
    model = make({"n": [1, 2, 3], "day": [date(2013, 1, 1), date(2013, 1, 2), date(2013, 1, 3)]})
    noon = 1_356_998_400_000.0 + 43_200_000
    choice = BoardChoice(ranges={"n": (1.4, 3.2), "day": (noon, None)})
    assert spell_where(model, choice) == "n >= 2 and n <= 3 and day >= '2013-01-02'".replace("day", '"day"')
    assert np.flatnonzero(find_chosen(model, choice)).tolist() == [1, 2]


def test_categories_stand_in_the_order_that_was_declared_and_others_as_a_person_sorts() -> None:
    frame = pd.DataFrame(
        {
            "partition_key": list("abcd"), "size": ["large", "huge", "small", "large"],
            "layer": ["l10", "l2", None, "l2b"], "duration_s": 1.0, "status": "materialized", "stopped_early": False,
            "run_id": "r",
        }
    )  # fmt: skip
    facts = ColumnFacts(["size", "layer"], (), (), {}, {}, {"size": ["small", "medium", "large"]})
    model = make_board("model", frame, facts, None, {})
    assert model.column_of["size"].labels == ("small", "large", "huge")
    assert model.column_of["layer"].labels == ("l2", "l2b", "l10")


def test_a_condition_of_many_keys_is_not_shown() -> None:
    model = make({"x": np.arange(400)})
    few, many = (BoardChoice(tuple(f"k{n}" for n in range(count))) for count in (2, 400))
    assert spell_backfill(model, few) == "ws.backfill('model', where=\"partition_key in ('k0', 'k1')\")"
    assert spell_backfill(model, many) == "ws.backfill('model', keys=board.selection)"
    assert spell_backfill(model, BoardChoice()) == ""
