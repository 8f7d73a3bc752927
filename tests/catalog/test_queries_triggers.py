from __future__ import annotations

from nbpart.catalog import Batch, Catalog, TickRecord, events, queries
from nbpart.states import TickOutcome, TriggerKind


def test_triggers_and_their_ticks(catalog: Catalog) -> None:
    def save(batch: Batch) -> tuple[int, int]:
        first = events.save_trigger(batch, "Files", TriggerKind.SENSOR, {"every_s": 30})
        events.set_cursor(batch, first, "it's here")
        return first, events.save_trigger(batch, "other", TriggerKind.SCHEDULE, {})

    first, second = catalog.write(save)

    def tick(batch: Batch) -> None:
        asked = TickRecord(first, TickOutcome.ASKED, added=2, duration_s=0.5)
        nos = [events.request_backfill(batch, "*", {}, {})[0] for _ in range(2)]
        events.record_tick(batch, asked, events.take_tick_id(batch), nos)
        for _ in range(2):
            failed = TickRecord(second, TickOutcome.FAILED, error="ValueError: bad")
            events.record_tick(batch, failed, events.take_tick_id(batch))

    catalog.write(tick)
    found = catalog.read(lambda b: queries.find_trigger(b, "fILES"))
    assert found is not None
    assert (found.trigger_id, found.name, found.definition, found.cursor, found.is_on) == (
        first, "Files", {"every_s": 30}, "it's here", True,
    )  # fmt: skip
    frame = catalog.read(queries.ticks_frame)
    assert frame["trigger"].tolist() == ["other", "other", "Files"]
    assert frame["error"].tolist() == ["ValueError: bad", "ValueError: bad", None]
    assert [len(each) for each in frame["backfills"]] == [0, 0, 2]
    assert str(frame["happened_at"].dt.tz) == "UTC"
    assert catalog.read(lambda b: queries.ticks_frame(b, first, limit=5))["added"].tolist() == [2]
    last = catalog.read(queries.last_ticks)
    assert last[["trigger_id", "outcome", "failures"]].to_numpy().tolist() == [
        [first, "asked", 0], [second, "failed", 2],
    ]  # fmt: skip
    catalog.write(lambda b: events.remove_trigger(b, "files"))
    assert catalog.read(lambda b: queries.find_trigger(b, "files")) is None
    assert [s.name for s in catalog.read(queries.load_triggers)] == ["other"]
    assert len(catalog.read(lambda b: queries.load_triggers(b, active_only=False))) == 2
    assert catalog.read(queries.last_ticks)["trigger_id"].tolist() == [second]
