"""Sensors and their ticks."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbpart.catalog.batch import Batch
from nbpart.catalog.queries.shared_sql import nulls_to_none
from nbpart.catalog.records import SensorRecord

if TYPE_CHECKING:
    import pandas as pd

_SENSORS = "SELECT sensor_id, name, active, definition, cursor, registered_at FROM sensors"


def load_sensors(batch: Batch, active_only: bool = True) -> list[SensorRecord]:
    """The registered sensors, in the order of their first registration."""
    return [_to_sensor(row) for row in batch.rows(f"{_SENSORS} WHERE active OR NOT ? ORDER BY sensor_id", active_only)]


def find_sensor(batch: Batch, name: str) -> SensorRecord | None:
    """The active sensor of that name, regardless of case."""
    row = batch.row(f"{_SENSORS} WHERE active AND lower(name) = lower(?)", name)
    return _to_sensor(row) if row else None


def ticks_frame(batch: Batch, sensor_id: int | None = None, limit: int | None = None) -> pd.DataFrame:
    """Ticks, newest first: sensor, happened_at, duration_s, added, backfill_id, error."""
    condition = "true" if sensor_id is None else f"t.sensor_id = {int(sensor_id)}"
    return nulls_to_none(
        batch.frame(
            "SELECT s.name AS sensor, t.happened_at, t.duration_s, t.added, b.backfill_id, t.error"
            " FROM ticks t JOIN sensors s USING (sensor_id) LEFT JOIN backfills b USING (backfill_no)"
            f" WHERE {condition} ORDER BY t.happened_at DESC, t.rowid DESC LIMIT ?",
            2**62 if limit is None else limit,
        )
    )


def _to_sensor(row: tuple[Any, ...]) -> SensorRecord:
    number, name, active, definition, cursor, registered_at = row
    return SensorRecord(number, name, active, json.loads(definition), cursor, registered_at)
