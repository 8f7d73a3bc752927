from __future__ import annotations

import pytest

from nbpart.errors import DeclarationError
from nbpart.partitions import Column, ColumnSource, DailyPartitions, HourlyPartitions, Kind, TimeWindowPartitions
from nbpart.partitions.names import RESERVED_COLUMNS, check_column_name


def test_columns_of_windows() -> None:
    assert DailyPartitions("days", "2013-01-01").columns == (
        Column("days", Kind.DATE, ColumnSource.WINDOW_LOCAL),
        Column("window_start", Kind.DATETIME, ColumnSource.WINDOW_START),
        Column("window_end", Kind.DATETIME, ColumnSource.WINDOW_END),
    )
    hour = HourlyPartitions("hours", "2013-01-01", column="hour").value_column
    assert hour == Column("hour", Kind.DATETIME, ColumnSource.WINDOW_LOCAL)


@pytest.mark.parametrize(
    ("name", "column"), [("NY days", "NY_days"), ("7 days", "window_7_days"), ("run", "window_run")]
)
def test_windows_whose_name_is_no_column_get_one_that_is(name: str, column: str) -> None:
    assert TimeWindowPartitions(name, "0 0 * * *", "2013-01-01").columns[0].name == column


@pytest.mark.parametrize("column", ["window_end", "status", "a b", "late"])
def test_a_column_of_windows_that_cannot_be_one_is_refused(column: str) -> None:
    with pytest.raises(DeclarationError, match=f"Partitions 'days': The column name '{column}'"):
        DailyPartitions("days", "2013-01-01", column=column)


@pytest.mark.parametrize("name", sorted(RESERVED_COLUMNS))
def test_reserved_names_are_refused_in_any_case(name: str) -> None:
    for written in (name, name.upper(), name.title()):
        with pytest.raises(DeclarationError, match="has a meaning already"):
            check_column_name(written, "dimension")
