"""Conditions that are made of values: names and values as a condition spells them."""

from __future__ import annotations

import re
from datetime import date, datetime

import duckdb

from nbpart.catalog.expressions import quote

_PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def spell_column(name: str) -> str:
    """The name of a column as a condition has it; quoted where it would mean something else."""
    if _PLAIN.fullmatch(name) and [kind.name for _, kind in duckdb.tokenize(name)] == ["identifier"]:
        return name
    return quote(name)


def spell_constant(value: bool | int | float | str | date | datetime) -> str:
    """A value as a condition has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"'{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"'{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    text = repr(value)
    return text if text.lstrip("-")[:1].isdigit() else f"'{text}'"  # inf has no other spelling
