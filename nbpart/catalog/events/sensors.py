"""Sensors and their ticks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nbpart.errors import UnknownNameError, nearest

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def save_sensor(batch: Batch, name: str, definition: Mapping[str, Any]) -> int:
    """Register a sensor, or replace the one of that name, whose cursor stays. Returns its id."""
    text = json.dumps(definition, sort_keys=True)
    row = batch.row("SELECT sensor_id, active, definition FROM sensors WHERE lower(name) = lower(?)", name)
    if row is None:
        sensor_id = batch.take_ids("next_sensor_id", 1)
        batch.execute("INSERT INTO sensors VALUES (?, ?, true, ?, NULL, ?)", sensor_id, name, text, batch.now)
        return sensor_id
    if row[1:] != (True, text):
        batch.execute(
            "UPDATE sensors SET active = true, name = ?, definition = ? WHERE sensor_id = ?", name, text, row[0]
        )
    return int(row[0])


def remove_sensor(batch: Batch, name: str) -> None:
    """Remove a sensor from the active ones; its ticks stay recorded. Raises UnknownNameError."""
    if not batch.execute("UPDATE sensors SET active = false WHERE lower(name) = lower(?) AND active", name):
        known = [row[0] for row in batch.rows("SELECT name FROM sensors WHERE active")]
        raise UnknownNameError(f"There is no sensor {name!r}; {nearest(name, known)}")


def set_cursor(batch: Batch, sensor_id: int, cursor: str | None) -> None:
    """Record the cursor of a sensor: a text of its own, by which it knows where to go on."""
    batch.execute(
        "UPDATE sensors SET cursor = ? WHERE sensor_id = ? AND cursor IS DISTINCT FROM ?", cursor, sensor_id, cursor
    )


def record_tick(
    batch: Batch,
    sensor_id: int,
    *,
    happened_at: datetime | None = None,
    duration_s: float | None = None,
    added: int = 0,
    backfill_no: int | None = None,
    error: str | None = None,
) -> None:
    """Record one tick of a sensor: how many keys it added, the backfill that it started, or its error."""
    batch.execute(
        "INSERT INTO ticks VALUES (?, ?, ?, ?, ?, ?)",
        sensor_id,
        happened_at or batch.now,
        duration_s,
        added,
        backfill_no,
        error,
    )
