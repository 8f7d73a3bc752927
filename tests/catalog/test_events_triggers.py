from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nbpart.catalog import Catalog, TickRecord, events, queries
from nbpart.catalog.batch import Author, Batch
from nbpart.catalog.events.triggers import MOST_KEPT
from nbpart.errors import UnknownNameError
from nbpart.partitions import DynamicPartitions
from nbpart.states import TickOutcome, TriggerKind

SENSOR, ASKED, SKIPPED = TriggerKind.SENSOR, TickOutcome.ASKED, TickOutcome.SKIPPED


def save(catalog: Catalog, name: str, definition: dict[str, object], kind: TriggerKind = SENSOR) -> int:
    return catalog.write(lambda b: events.save_trigger(b, name, kind, definition))


def record(catalog: Catalog, tick: TickRecord) -> int:
    def work(batch: Batch) -> int:
        tick_id = events.take_tick_id(batch)
        events.record_tick(batch, tick, tick_id)
        return tick_id

    return catalog.write(work)


def test_a_trigger_keeps_its_cursor_through_registrations(catalog: Catalog) -> None:
    number = save(catalog, "files", {"every_s": 30})
    catalog.write(lambda b: events.set_cursor(b, number, "42"))
    before = catalog.sequence()
    assert save(catalog, "files", {"every_s": 30}) == number
    catalog.write(lambda b: events.set_cursor(b, number, "42"))
    assert catalog.sequence() == before
    assert save(catalog, "Files", {"every_s": 60}) == number
    row = catalog.read(lambda b: b.row("SELECT name, definition, cursor FROM triggers"))
    assert row == ("Files", '{"every_s": 60}', "42")


def test_a_trigger_of_another_kind_begins_without_a_cursor(catalog: Catalog) -> None:
    number = save(catalog, "files", {})
    catalog.write(lambda b: events.set_cursor(b, number, "42"))
    assert save(catalog, "files", {}, TriggerKind.SCHEDULE) == number
    [found] = catalog.read(queries.load_triggers)
    assert (found.kind, found.cursor) == (TriggerKind.SCHEDULE, None)


def test_a_removed_trigger_comes_back_under_its_id(catalog: Catalog) -> None:
    number = save(catalog, "files", {})
    catalog.write(lambda b: events.remove_trigger(b, "files"))
    with pytest.raises(UnknownNameError, match="files"):
        catalog.write(lambda b: events.remove_trigger(b, "files"))
    assert save(catalog, "files", {}) == number


def test_what_came_while_it_was_off_is_no_trigger_s(catalog: Catalog) -> None:
    save(catalog, "files", {})
    catalog.clock = lambda: datetime(2026, 1, 2, tzinfo=UTC)
    catalog.write(lambda b: events.switch_trigger(b, "Files", is_on=False))
    [off] = catalog.read(queries.load_triggers)
    catalog.clock = lambda: datetime(2026, 1, 3, tzinfo=UTC)
    catalog.write(lambda b: events.switch_trigger(b, "files", is_on=True))
    catalog.clock = lambda: datetime(2026, 1, 4, tzinfo=UTC)
    catalog.write(lambda b: events.switch_trigger(b, "files", is_on=True))
    [on] = catalog.read(queries.load_triggers)
    assert (off.is_on, on.is_on, on.changed_at) == (False, True, datetime(2026, 1, 3, tzinfo=UTC))


def test_ticks_are_recorded(catalog: Catalog) -> None:
    number = save(catalog, "files", {})
    record(catalog, TickRecord(number, ASKED, duration_s=0.5, added=3, message="3 files"))
    record(catalog, TickRecord(number, TickOutcome.FAILED, error="OSError: gone", traceback="..."))
    rows = catalog.read(lambda b: b.rows("SELECT duration_s, outcome, added, message, error, traceback FROM ticks"))
    assert rows == [
        (0.5, "asked", 3, "3 files", None, None),
        (None, "failed", 0, "", "OSError: gone", "..."),
    ]


def test_of_old_ticks_those_stay_that_asked_for_something(catalog: Catalog) -> None:
    one, other = save(catalog, "one", {}), save(catalog, "other", {})
    began = datetime(2026, 1, 1, tzinfo=UTC)

    def work(batch: Batch) -> None:
        for number in range(MOST_KEPT + 199):
            outcome = ASKED if number == 7 else TickOutcome.FAILED if number == 8 else SKIPPED
            tick = TickRecord(one, outcome, began + timedelta(seconds=number))
            events.record_tick(batch, tick, events.take_tick_id(batch))
        events.record_tick(batch, TickRecord(other, SKIPPED, began), events.take_tick_id(batch))

    catalog.write(work)
    kept = catalog.read(lambda b: queries.ticks_frame(b, one))
    assert len(kept) == MOST_KEPT + 1, "the newest, and an old one that asked for something"
    assert kept.happened_at.min() == began + timedelta(seconds=7)
    assert len(catalog.read(lambda b: queries.ticks_frame(b, other))) == 1


def test_a_run_key_is_used_once(catalog: Catalog) -> None:
    number, other = save(catalog, "files", {}), save(catalog, "other", {})
    catalog.clock = lambda: datetime(2026, 1, 2, tzinfo=UTC)
    assert catalog.write(lambda b: events.use_run_keys(b, number, ["a", "b", "a"], 1)) == {}
    catalog.clock = lambda: datetime(2026, 1, 3, tzinfo=UTC)
    used = catalog.write(lambda b: events.use_run_keys(b, number, ["b", "it's"], 2))
    assert used == {"b": datetime(2026, 1, 2, tzinfo=UTC)}
    assert catalog.write(lambda b: events.use_run_keys(b, other, ["b"], 3)) == {}


def test_keys_know_the_tick_that_they_came_by(catalog: Catalog) -> None:
    catalog.person = "ada"
    set_id = catalog.write(lambda b: events.ensure_set(b, DynamicPartitions("files")))
    catalog.write(lambda b: events.add_keys(b, set_id, ["by hand"]))

    def work(batch: Batch) -> None:
        batch.author = Author("inbox", 7)
        events.add_keys(batch, set_id, ["found"])
        events.remove_keys(batch, set_id, ["by hand"])

    catalog.write(work)
    assert catalog.read(lambda b: queries.keys_of_tick(b, 7)).to_dict("list") == {
        "partitions": ["files", "files"], "partition_key": ["found", "by hand"], "action": ["added", "removed"],
    }  # fmt: skip
    assert catalog.read(lambda b: b.rows("SELECT author, tick_id FROM member_events")) == [
        ("ada", None), ("inbox", 7), ("inbox", 7),
    ]  # fmt: skip
