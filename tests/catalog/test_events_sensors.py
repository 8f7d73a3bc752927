from __future__ import annotations

import pytest

from nbpart.catalog import Catalog, events
from nbpart.errors import UnknownNameError


def test_a_sensor_keeps_its_cursor_through_registrations(catalog: Catalog) -> None:
    number = catalog.write(lambda b: events.save_sensor(b, "files", {"every_s": 30}))
    catalog.write(lambda b: events.set_cursor(b, number, "42"))
    before = catalog.sequence()
    assert catalog.write(lambda b: events.save_sensor(b, "files", {"every_s": 30})) == number
    catalog.write(lambda b: events.set_cursor(b, number, "42"))
    assert catalog.sequence() == before
    assert catalog.write(lambda b: events.save_sensor(b, "Files", {"every_s": 60})) == number
    row = catalog.read(lambda b: b.row("SELECT name, definition, cursor FROM sensors"))
    assert row == ("Files", '{"every_s": 60}', "42")


def test_a_removed_sensor_comes_back_under_its_id(catalog: Catalog) -> None:
    number = catalog.write(lambda b: events.save_sensor(b, "files", {}))
    catalog.write(lambda b: events.remove_sensor(b, "files"))
    with pytest.raises(UnknownNameError, match="files"):
        catalog.write(lambda b: events.remove_sensor(b, "files"))
    assert catalog.write(lambda b: events.save_sensor(b, "files", {})) == number


def test_ticks_are_recorded(catalog: Catalog) -> None:
    number = catalog.write(lambda b: events.save_sensor(b, "files", {}))
    catalog.write(lambda b: events.record_tick(b, number, duration_s=0.5, added=3))
    catalog.write(lambda b: events.record_tick(b, number, error="OSError: gone"))
    rows = catalog.read(lambda b: b.rows("SELECT duration_s, added, error FROM ticks"))
    assert rows == [(0.5, 3, None), (None, 0, "OSError: gone")]
