"""Triggers, their ticks, and the run keys that they used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.states import TickOutcome, TriggerKind

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch
    from nbpart.catalog.records import TickRecord

#: So many ticks of a trigger are kept, and of older ones those that asked for something.
MOST_KEPT = 1_000
#: Older ticks are removed once in so many.
_THIN_EVERY = 100


def save_trigger(batch: Batch, name: str, kind: TriggerKind, definition: Mapping[str, Any]) -> int:
    """Register a trigger, or replace the one of that name, whose cursor stays. Returns its id.

    One of another kind gives way with its cursor. An automation begins anew. Raises `DeclarationError` where an
    automation and another trigger would have one name.
    """
    text = json.dumps(definition, sort_keys=True)
    row = batch.row(
        "SELECT trigger_id, active, name, kind, definition FROM triggers WHERE lower(name) = lower(?)", name
    )
    if row is not None and row[1] and row[3] != kind and TriggerKind.AUTOMATION in (row[3], kind):
        one, other = ("its automation", row[3]) if kind == TriggerKind.AUTOMATION else (str(kind), "automation")
        raise DeclarationError(f"{name!r} is the name of an asset and of a trigger: {one} and the {other} cannot share "
                               "it; give the trigger another name.")  # fmt: skip
    begins = _begin_automation(batch) if kind == TriggerKind.AUTOMATION else None
    if row is None:
        trigger_id = batch.take_ids("next_trigger_id", 1)
        batch.execute(
            "INSERT INTO triggers VALUES (?, ?, ?, true, true, ?, ?, ?, ?)",
            *(trigger_id, name, str(kind), text, begins, batch.now, batch.now),
        )
        return trigger_id
    if row[1:] != (True, name, str(kind), text):
        batch.execute(
            """UPDATE triggers SET active = true, name = $2, kind = $3, definition = $4, changed_at = $5,
                cursor = coalesce($6, CASE WHEN kind = $3 THEN cursor END) WHERE trigger_id = $1""",
            *(row[0], name, str(kind), text, batch.now, begins),
        )
    return int(row[0])


def remove_trigger(batch: Batch, name: str) -> None:
    """Remove a trigger from the active ones; its ticks stay recorded. Raises `UnknownNameError`."""
    batch.execute("UPDATE triggers SET active = false WHERE trigger_id = ?", _find(batch, name))


def switch_trigger(batch: Batch, name: str, *, is_on: bool) -> None:
    """Turn a trigger on or off; what came while it was off belongs to nobody. Raises `UnknownNameError`."""
    batch.execute(
        """UPDATE triggers SET is_on = $2, changed_at = CASE WHEN $2 THEN $3 ELSE changed_at END,
            cursor = CASE WHEN $2 AND kind = $4 THEN $5 ELSE cursor END
        WHERE trigger_id = $1 AND is_on <> $2""",
        *(_find(batch, name), is_on, batch.now, str(TriggerKind.AUTOMATION), _begin_automation(batch)),
    )


def drop_automation(batch: Batch, asset: str) -> None:
    """Remove the automation of an asset from the active triggers, if it has one."""
    batch.execute(
        "UPDATE triggers SET active = false WHERE active AND kind = ? AND lower(name) = lower(?)",
        str(TriggerKind.AUTOMATION),
        asset,
    )


def _begin_automation(batch: Batch) -> str:
    """The cursor of an automation that begins now: what this commit and those before it brought is not its own."""
    ids = [int(batch.meta[name]) for name in ("next_key_id", "next_materialization_id")]
    return json.dumps({"begins": [batch.sequence, *ids]})


def _find(batch: Batch, name: str) -> int:
    known = dict(batch.rows("SELECT lower(name), trigger_id FROM triggers WHERE active"))
    if name.lower() not in known:
        raise UnknownNameError(f"there is no trigger {name!r}; {nearest(name, known)}")
    return int(known[name.lower()])


def set_cursor(batch: Batch, trigger_id: int, cursor: str | None) -> None:
    """Record the cursor of a trigger: a text of its own, by which it knows where to go on."""
    batch.execute(
        "UPDATE triggers SET cursor = ? WHERE trigger_id = ? AND cursor IS DISTINCT FROM ?", cursor, trigger_id, cursor
    )


def take_tick_id(batch: Batch) -> int:
    """The id of a tick that this batch is about to record."""
    return batch.take_ids("next_tick_id", 1)


def record_tick(batch: Batch, tick: TickRecord, tick_id: int, backfill_nos: Sequence[int] = ()) -> None:
    """Record a tick and the backfills that it asked for. Of old ticks only those stay that asked for something."""
    batch.execute(
        "INSERT INTO ticks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(tick_id, tick.trigger_id, tick.happened_at or batch.now, tick.duration_s, str(tick.outcome)),
        *(tick.added, tick.removed, tick.requested, tick.dropped),
        *(tick.message, tick.error, tick.traceback, tick.printed),
    )
    for number in backfill_nos:
        batch.execute("INSERT INTO tick_backfills VALUES (?, ?)", tick_id, number)
    if tick_id % _THIN_EVERY == 0:
        batch.execute(
            """DELETE FROM ticks WHERE outcome <> ? AND tick_id NOT IN (
                SELECT tick_id FROM ticks QUALIFY row_number() OVER (PARTITION BY trigger_id ORDER BY tick_id DESC) <= ?
            )""",
            *(str(TickOutcome.ASKED), MOST_KEPT),
        )


def add_to_ticks(batch: Batch, backfill_no: int, sentence: str) -> None:
    """Add a sentence to the messages of the ticks that asked for a backfill."""
    batch.execute(
        """UPDATE ticks SET message = CASE WHEN message = '' THEN $2 ELSE message || chr(10) || $2 END
        WHERE tick_id IN (SELECT tick_id FROM tick_backfills WHERE backfill_no = $1)""",
        *(backfill_no, sentence),
    )


def use_run_keys(batch: Batch, trigger_id: int, run_keys: Sequence[str], tick_id: int) -> dict[str, datetime]:
    """Use run keys that were never used by this trigger. Returns those that were, and when; they are used no more."""
    import pandas as pd

    once = list(dict.fromkeys(run_keys))
    batch.stage("run_keys_given", pd.DataFrame({"run_key": pd.array(once, dtype="string")}))
    used = batch.rows(
        "SELECT run_key, used_at FROM run_keys SEMI JOIN run_keys_given USING (run_key) WHERE trigger_id = ?",
        trigger_id,
    )
    batch.execute(
        """INSERT INTO run_keys SELECT ?, run_key, ?, ? FROM run_keys_given
        WHERE run_key NOT IN (SELECT run_key FROM run_keys WHERE trigger_id = ?)""",
        *(trigger_id, batch.now, tick_id, trigger_id),
    )
    return dict(used)


def save_hook(batch: Batch, name: str, event: str, definition: Mapping[str, Any]) -> None:
    """Register a hook, or replace the one of that name."""
    text = json.dumps(definition, sort_keys=True)
    if batch.row(
        "SELECT 1 FROM hooks WHERE lower(name) = lower(?) AND event = ? AND definition = ?", name, event, text
    ):
        return
    batch.execute("DELETE FROM hooks WHERE lower(name) = lower(?)", name)
    batch.execute("INSERT INTO hooks VALUES (?, ?, ?)", name, event, text)


def record_told_failures(batch: Batch, backfill_no: int, failed: int) -> None:
    """Record that hooks were told of so many failed steps of a backfill."""
    batch.execute("INSERT INTO told_failures VALUES (?, ?)", backfill_no, failed)


def remove_hook(batch: Batch, name: str) -> None:
    """Remove a hook. Raises `UnknownNameError`."""
    if not batch.execute("DELETE FROM hooks WHERE lower(name) = lower(?)", name):
        known = [row[0] for row in batch.rows("SELECT name FROM hooks")]
        raise UnknownNameError(f"there is no hook {name!r}; {nearest(name, known)}")
