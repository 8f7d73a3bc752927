"""The triggers of a workspace as a person handles them: the table, on and off, ticks, and who watches."""

from __future__ import annotations

import getpass
import logging
import re
from typing import Any

import pytest

import nbpart
from nbpart import UnknownNameError
from nbpart.automation.watching import HeldWatch


def made() -> dict[str, str]:
    return {}


def nothing(context: Any) -> None:
    return None


def failing(context: Any) -> None:
    raise OSError("no <b>network</b>")


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    ws.asset(name="made")(made)
    ws.sensor(nothing, name="quiet", every="1h")
    ws.sensor(failing, name="loud")
    return ws


def tick_both(ws: nbpart.Workspace) -> None:
    ws.tick("quiet", here=True)
    with pytest.raises(OSError, match="network"):
        ws.tick("loud", here=True)


def test_they_are_found_by_name_whatever_the_case(ws: nbpart.Workspace) -> None:
    assert (list(ws.triggers), len(ws.triggers)) == (["quiet", "loud"], 2)
    assert repr(ws.triggers["Quiet"]) == "<sensor 'quiet', on>"
    with pytest.raises(UnknownNameError, match="no trigger 'qiet'; did you mean 'quiet'"):
        ws.triggers["qiet"]


def test_the_table_has_the_last_look_of_each(ws: nbpart.Workspace) -> None:
    tick_both(ws)
    frame = ws.triggers.frame.set_index("trigger")
    assert frame.kind.tolist() == ["sensor", "sensor"]
    assert frame.outcome.tolist() == ["skipped", "failed"]
    assert frame.error.tolist() == [None, "OSError: no <b>network</b>"]
    assert frame.next_look.isna().all(), "nobody watches"
    held = HeldWatch(ws.project.catalog.path, ws.project.catalog.clock())
    frame = ws.triggers.frame.set_index("trigger")
    assert (frame.next_look - frame.last_look).dt.total_seconds().tolist() == [3600, 60]
    held.close()


def test_one_is_turned_off_and_on_and_taken_off_the_list(ws: nbpart.Workspace) -> None:
    quiet = ws.triggers["quiet"]
    quiet.off()
    assert (quiet.is_on, ws.triggers.frame["on"].tolist()) == (False, [False, True])
    quiet.on()
    assert quiet.is_on
    quiet.tick(here=True)
    assert len(quiet.ticks()) == 1
    quiet.remove()
    assert list(ws.triggers) == ["loud"]
    ws.sensor(nothing, name="quiet")
    assert len(ws.triggers["quiet"].ticks()) == 1, "its ticks stayed"


def test_who_watches_is_said_where_nobody_does(ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture) -> None:
    held = HeldWatch(ws.project.catalog.path, ws.project.catalog.clock())
    assert ws.status().columns.name is None
    held.close()
    said = "2 triggers; nobody has watched since "
    assert str(ws.status().columns.name).startswith(said)
    assert said in ws._repr_html_()
    assert repr(ws.triggers).startswith(f"<{said}")
    with caplog.at_level(logging.INFO), nbpart.open("workspace"):
        assert said in caplog.text
    ws.triggers["quiet"].off()
    assert str(ws.status().columns.name).startswith("1 trigger; nobody has watched since"), "what is off is not counted"
    ws.triggers["loud"].off()
    assert ws.status().columns.name is None


def test_the_table_is_shown_escaped(ws: nbpart.Workspace) -> None:
    tick_both(ws)
    ws.triggers["quiet"].off()
    html = ws.triggers._repr_html_()
    assert "OSError: no &lt;b&gt;network&lt;/b&gt;" in html
    assert re.search(r"quiet</b> <span class=.faint.>off", html)
    assert "<b>network" not in html


def test_a_key_knows_when_and_by_what_it_was_added(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("mine.csv")

    @ws.sensor(partitions=files)
    def finder(context: Any) -> list[str]:
        return ["found.csv"]

    ws.tick("finder", here=True)
    assert files.frame.added_by.tolist() == [getpass.getuser(), "finder"]
    [tick] = ws.ticks("finder").itertuples()
    assert (tick.added, tick.backfills.tolist()) == (1, [])
    assert abs((files.frame.added_at[1] - tick.happened_at).total_seconds()) < 60
    assert ws.triggers["finder"].keys_of(tick.tick_id).to_dict("list") == {
        "partitions": ["files"], "partition_key": ["found.csv"], "action": ["added"],
    }  # fmt: skip
    files.remove("found.csv")
    files.add("found.csv")
    assert files.frame.added_by.tolist() == [getpass.getuser()] * 2, "who added it last"
