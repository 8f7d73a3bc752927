"""Triggers and their ticks."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbpart.catalog.batch import Batch
from nbpart.catalog.queries.shared_sql import nulls_to_none
from nbpart.catalog.records import HookRecord, TriggerRecord
from nbpart.states import TickOutcome, TriggerKind

if TYPE_CHECKING:
    import pandas as pd

_TRIGGERS = """SELECT trigger_id, name, kind, active, is_on, definition, cursor, registered_at, changed_at
    FROM triggers"""


def load_triggers(batch: Batch, active_only: bool = True) -> list[TriggerRecord]:
    """The registered triggers, in the order of their first registration."""
    return [
        _to_trigger(row) for row in batch.rows(f"{_TRIGGERS} WHERE active OR NOT ? ORDER BY trigger_id", active_only)
    ]


def find_trigger(batch: Batch, name: str) -> TriggerRecord | None:
    """The active trigger of that name, regardless of case."""
    row = batch.row(f"{_TRIGGERS} WHERE active AND lower(name) = lower(?)", name)
    return _to_trigger(row) if row else None


def ticks_frame(batch: Batch, trigger_id: int | None = None, limit: int | None = None) -> pd.DataFrame:
    """Ticks, newest first, a row each.

    Columns: tick_id, trigger, happened_at, duration_s, outcome, added, removed, requested, dropped, backfills (a list
    of ids), message, error, traceback, printed.
    """
    condition = "true" if trigger_id is None else f"k.trigger_id = {int(trigger_id)}"
    return nulls_to_none(
        batch.frame(
            "WITH shown AS (SELECT k.*, t.name FROM ticks k JOIN triggers t USING (trigger_id)"
            f" WHERE {condition} ORDER BY k.happened_at DESC, k.tick_id DESC LIMIT ?)"
            " SELECT tick_id, name AS trigger, happened_at, duration_s, outcome, added, removed, requested, dropped,"
            " coalesce((SELECT list(b.backfill_id ORDER BY backfill_no) FROM tick_backfills r"
            " JOIN backfills b USING (backfill_no) WHERE r.tick_id = shown.tick_id), []) AS backfills,"
            " message, error, traceback, printed"
            " FROM shown ORDER BY happened_at DESC, tick_id DESC",
            2**62 if limit is None else limit,
        )
    )


def last_ticks(batch: Batch) -> pd.DataFrame:
    """The last tick of each active trigger, with `failures`: how many failed in a row, up to it.

    Columns: trigger_id, happened_at, outcome, message, error, failures.
    """
    return nulls_to_none(
        batch.frame(
            f"""WITH numbered AS (
                SELECT *, row_number() OVER (
                    PARTITION BY trigger_id ORDER BY happened_at DESC, tick_id DESC) AS age FROM ticks),
            good AS (
                SELECT trigger_id, min(age) AS age FROM numbered WHERE outcome <> '{TickOutcome.FAILED}' GROUP BY ALL),
            counted AS (SELECT trigger_id, count(*) AS ticks FROM ticks GROUP BY ALL)
            SELECT n.trigger_id, n.happened_at, n.outcome, n.message, n.error,
                coalesce(good.age - 1, counted.ticks) AS failures
            FROM numbered n JOIN counted USING (trigger_id) LEFT JOIN good USING (trigger_id)
            JOIN triggers t ON t.trigger_id = n.trigger_id AND t.active
            WHERE n.age = 1 ORDER BY n.trigger_id"""
        )
    )


def find_asking_kinds(batch: Batch, backfill_no: int) -> set[TriggerKind]:
    """The kinds of the triggers that asked for a backfill."""
    rows = batch.rows(
        """SELECT DISTINCT t.kind FROM tick_backfills b JOIN ticks k USING (tick_id) JOIN triggers t USING (trigger_id)
        WHERE b.backfill_no = ?""",
        backfill_no,
    )
    return {TriggerKind(kind) for (kind,) in rows}


def find_message(batch: Batch, tick_id: int) -> str:
    """What a tick said."""
    return str(batch.value("SELECT message FROM ticks WHERE tick_id = ?", tick_id))


def load_hooks(batch: Batch, event: str | None = None) -> list[HookRecord]:
    """The hooks that are told of an event, or all."""
    rows = batch.rows("SELECT name, event, definition FROM hooks WHERE $1 IS NULL OR event = $1 ORDER BY rowid", event)
    return [HookRecord(name, of, json.loads(definition)) for name, of, definition in rows]


def count_told_failures(batch: Batch, backfill_no: int) -> int:
    """Of how many failed steps of a backfill hooks were told."""
    return int(batch.value("SELECT coalesce(max(failed), 0) FROM told_failures WHERE backfill_no = ?", backfill_no))


def keys_of_tick(batch: Batch, tick_id: int, limit: int | None = None) -> pd.DataFrame:
    """The keys that came and went by a tick, the first ``limit``: partitions, partition_key, action."""
    return batch.frame(
        """SELECT s.name AS partitions, k.key AS partition_key, e.action
        FROM member_events e JOIN keys k USING (key_id) JOIN partition_sets s ON s.set_id = e.set_id
        WHERE e.tick_id = ? ORDER BY e.rowid LIMIT ?""",
        tick_id,
        2**62 if limit is None else limit,
    )


def _to_trigger(row: tuple[Any, ...]) -> TriggerRecord:
    number, name, kind, active, is_on, definition, cursor, registered_at, changed_at = row
    return TriggerRecord(
        number, name, TriggerKind(kind), active, is_on, json.loads(definition), cursor, registered_at, changed_at
    )
