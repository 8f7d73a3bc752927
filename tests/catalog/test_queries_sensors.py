from __future__ import annotations

from nbpart.catalog import Catalog, events, queries


def test_sensors_and_their_ticks(catalog: Catalog) -> None:
    first = catalog.write(lambda b: events.save_sensor(b, "Files", {"every_s": 30}))
    second = catalog.write(lambda b: events.save_sensor(b, "other", {}))
    catalog.write(lambda b: events.set_cursor(b, first, "it's here"))
    catalog.write(lambda b: events.record_tick(b, first, added=2, duration_s=0.5))
    catalog.write(lambda b: events.record_tick(b, second, error="ValueError: bad"))
    found = catalog.read(lambda b: queries.find_sensor(b, "fILES"))
    assert found is not None
    assert (found.sensor_id, found.name, found.definition, found.cursor) == (
        first,
        "Files",
        {"every_s": 30},
        "it's here",
    )
    frame = catalog.read(queries.ticks_frame)
    assert list(frame.columns) == ["sensor", "happened_at", "duration_s", "added", "backfill_id", "error"]
    assert frame["sensor"].tolist() == ["other", "Files"]
    assert frame["error"].tolist() == ["ValueError: bad", None]
    assert str(frame["happened_at"].dt.tz) == "UTC"
    assert catalog.read(lambda b: queries.ticks_frame(b, first, limit=5))["added"].tolist() == [2]
    catalog.write(lambda b: events.remove_sensor(b, "files"))
    assert catalog.read(lambda b: queries.find_sensor(b, "files")) is None
    assert [s.name for s in catalog.read(queries.load_sensors)] == ["other"]
    assert len(catalog.read(lambda b: queries.load_sensors(b, active_only=False))) == 2
