from __future__ import annotations

import datetime
import json
import uuid
from decimal import Decimal
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.cli.tables import STATUS_STYLES, Table, format_cell, lay_out, to_json, to_plain
from nbpart.cli.text import display_width
from nbpart.states import PartitionStatus, RunStatus, StepStatus

UTC = datetime.UTC


def plain_lines(table: Table, width: int | None = None) -> list[str]:
    return [click.unstyle(line) for line in lay_out(table, width).lines]


def test_texts_are_aligned_left_and_numbers_right() -> None:
    table = Table(("asset", "n", "share"), [("files", 7, 0.5), ("日本", 1200, None)])
    assert plain_lines(table) == [
        "asset     n  share",
        "files     7    0.5",
        "日本   1200",
    ]


def test_long_texts_are_shortened_and_ids_are_not() -> None:
    run_id = "20131231T235959123-000042"
    table = Table(
        ("run_id", "partition_key", "error"), [(run_id, "k" * 30, "ValueError: " + "x" * 100), (run_id, "k", "")]
    )
    lines = plain_lines(table, 80)
    assert max(map(display_width, lines)) == 80
    assert lines[1].startswith(f"{run_id}  kkkkkkkk")
    assert "ValueError" in lines[1]
    assert lines[1].endswith("…")
    assert plain_lines(table)[1].endswith("x" * 100), "nothing is cut where nobody looks"


def test_droppable_columns_are_left_out_first_and_named() -> None:
    table = Table(("partition_key", "status", "metric", "another"), [("key", "missing", 1.25, 3)])
    layout = lay_out(table, 25)
    assert layout.left_out == ["metric", "another"]
    assert lay_out(table, 200).left_out == []
    assert lay_out(table, 33, droppable=("status", "metric")).left_out == ["status"]
    assert lay_out(table, 25, droppable=("metric", "status")).left_out == ["status", "metric"]
    assert click.unstyle(lay_out(table, 1).lines[1]).strip(), "the first column is always there"


CELLS = st.one_of(st.none(), st.integers(), st.text(max_size=40), st.booleans(), st.floats())


@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), min_size=1, max_size=5)), st.integers(20, 120)
)
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[Any, ...]], width: int) -> None:
    table = Table(tuple(f"c{n}" for n in range(len(rows[0]))), rows)
    numbers = [len(format_cell("", value)) for row in rows for value in row if isinstance(value, int | float)]
    for line in plain_lines(table, width):
        assert "\n" not in line
        assert "\x1b" not in line
        assert display_width(line) <= max(width, *numbers, 10)


@pytest.mark.parametrize("status", [*PartitionStatus, *RunStatus, *StepStatus])
def test_every_status_has_a_colour_beside_its_word(status: str) -> None:
    assert str(status) in STATUS_STYLES
    line = lay_out(Table(("status",), [(str(status),)]), None).lines[1]
    assert "\x1b[" in line
    assert click.unstyle(line) == status


def test_a_count_is_coloured_unless_it_is_nothing() -> None:
    lines = lay_out(Table(("asset", "failed"), [("a", 0), ("b", 3)]), None).lines
    assert "\x1b[" not in lines[1]
    assert "\x1b[" in lines[2]


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("x", None, ""),
        ("x", True, "true"),
        ("x", 1234567, "1234567"),
        ("x", 0.1 + 0.2, "0.3"),
        ("duration_s", 12.34567, "12.3"),
        ("x", b"1234", "<4 bytes>"),
        ("x", ["a\x1b", {"b": 1}], '["a\\u001b", {"b": 1}]'),
        ("x", "a\x1b[31mb", "a\\x1b[31mb"),
        ("x", datetime.date(2013, 12, 31), "2013-12-31"),
        ("x", datetime.datetime(2013, 12, 31, 23, 59), "2013-12-31 23:59:00"),
    ],
)
def test_cells_are_formatted_for_people(column: str, value: Any, shown: str) -> None:
    assert format_cell(column, value) == shown


def test_an_aware_time_is_shown_in_the_local_zone() -> None:
    time = datetime.datetime(2013, 12, 31, 12, tzinfo=UTC)
    assert format_cell("x", time) == f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def test_values_of_pandas_become_builtin_types() -> None:
    frame = pd.DataFrame(
        {
            "n": np.array([1, 2], dtype="int64"),
            "rows": [3.0, np.nan],
            "at": [pd.Timestamp("2013-01-01T00:00:00.123456789", tz="UTC"), pd.NaT],
            "maybe": pd.array([None, 4], dtype="Int64"),
            "ok": np.array([True, False]),
            "text": ["a", None],
        }
    )
    first = datetime.datetime(2013, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert Table.from_frame(frame).rows == [(1, 3, first, None, True, "a"), (2, None, None, 4, False, None)]


def test_json_has_no_numpy_or_nan_values() -> None:
    value = {
        "nan": float("nan"), "infinite": np.float64("inf"), "nat": pd.NaT, "na": pd.NA, "numpy": np.int8(3),
        "array": np.array([1.5, np.nan]), "at": datetime.datetime(2013, 1, 1, 12, tzinfo=UTC),
        "stamp": pd.Timestamp("2013-01-01"), "day": datetime.date(2013, 1, 1), "time": datetime.time(12),
        "took": datetime.timedelta(seconds=1.5), "bytes": b"\x00\x01", "decimal": Decimal("1.50"),
        "whole": Decimal("12345678901234567890"), "id": uuid.UUID(int=1), 3: {"x"}, "text": "é\x1b\x9b",
        "infinitely": Decimal("Infinity"),
    }  # fmt: skip
    text = to_json(value)
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {
        "nan": None, "infinite": None, "nat": None, "na": None, "numpy": 3, "array": [1.5, None],
        "at": "2013-01-01T12:00:00+00:00", "stamp": "2013-01-01T00:00:00", "day": "2013-01-01", "time": "12:00:00",
        "took": 1.5, "bytes": "AAE=", "decimal": 1.5, "whole": 12345678901234567890,
        "id": "00000000-0000-0000-0000-000000000001", "3": ["x"], "text": "é\x1b\x9b", "infinitely": None,
    }  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_json_is_parsed_to_the_same_value(value: Any) -> None:
    assert json.loads(to_json(value)) == value
    assert to_plain(value) == value


def test_long_cells_are_cut_and_complete_in_json() -> None:
    endless = "x" * 10_000_000
    table = Table(("key", "text", "list", "short"), [("a", endless, [endless], "b"), ("b", None, None, "…")])
    for width in (None, 10_000, 80):
        layout = lay_out(table, width)
        assert sum(map(len, layout.lines)) < 3_000
        assert layout.shortened == ["text", "list"]
        assert "…" in layout.lines[1]
    assert endless in to_json(table.to_records())
    assert lay_out(Table(("text",), [("x" * 400,)]), None).shortened == []


def test_json_has_no_control_characters() -> None:
    text = "".join(map(chr, range(0xA0))) + "\u2028\u202e\ud800"
    text_json = to_json({"text": text})
    assert text_json.replace("\n", "").isprintable()
    assert json.loads(text_json) == {"text": text}
