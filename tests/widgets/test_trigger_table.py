"""The live table of triggers, on a real workspace whose runs are played."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nbpart
from nbpart.automation import watch_process
from nbpart.automation.latest_looks import LatestLook, write_latest_looks
from nbpart.automation.watching import HeldWatch
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.trigger_table import TriggerTable
from nbpart.workspace.view import make_trigger_table
from tests.backfill.pools import Stage
from tests.widgets.pages import Page
from tests.workspaces import project, ws

__all__ = ["project", "ws"]
HOSTILE = "<img src=x onerror=alert(1)>"


def nothing(context: Any) -> None:
    return None


def failing(context: Any) -> None:
    raise OSError(f"no {HOSTILE} here")


def printing(context: Any) -> None:
    print("three <img src=x onerror=alert(1)>")


def clean(inbox: Any) -> str:
    return ""


@pytest.fixture
def watched(ws: nbpart.Workspace) -> nbpart.Workspace:
    """A workspace with a watched folder; its runs are played."""
    ws.project.make_pool = Stage(lambda spec: "done").make_pool
    files = ws.dynamic_partitions("files")
    source = ws.source("inbox", "inbox/{partition_key}.csv", partitions=files)
    ws.register(nbpart.asset(clean, partitions=files))  # type: ignore[call-overload]
    source.watch(settle=0, every="1h")
    return ws


@pytest.fixture
def table(watched: nbpart.Workspace) -> Iterator[TriggerTable]:
    table = make_trigger_table(watched.project)
    yield table
    table.close()


@pytest.fixture
def page(table: TriggerTable) -> Page:
    return Page(table)


def shown(table: TriggerTable) -> dict[str, Any]:
    with table.lock:
        return dict(table.state()["shown"])


def row(table: TriggerTable, name: str = "inbox") -> dict[str, Any]:
    return next((dict(each) for each in shown(table)["triggers"] if each["name"] == name), {})


def until(wanted: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_follows_who_watches_and_looks_that_are_not_recorded_without_the_catalog(
    watched: nbpart.Workspace, table: TriggerTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(table)["watch"]["says"] == "1 trigger; nobody watches"
    assert row(table)["last_look"] is None
    catalog = watched.project.catalog

    def refuse(work: object, timeout_s: float = 0) -> None:
        raise AssertionError("the catalog was read while nothing was written")

    monkeypatch.setattr(catalog, "read", refuse)
    held = HeldWatch(catalog.path, catalog.clock())
    until(lambda: "; watched since " in shown(table)["watch"]["says"])
    now = catalog.clock()
    write_latest_looks(catalog.path, held.note, {1: LatestLook(now + timedelta(hours=1), now, "it rains")})
    until(lambda: row(table)["said"] == "it rains")
    assert row(table)["last_look"] == now.isoformat()
    assert row(table)["next_look"] == (now + timedelta(hours=1)).isoformat()
    held.close()
    until(lambda: "; nobody has watched since " in shown(table)["watch"]["says"])
    assert row(table)["next_look"] is None


def test_what_did_not_change_is_not_sent(watched: nbpart.Workspace, table: TriggerTable, page: Page) -> None:
    sent = len(page.messages)
    for _ in range(5):
        table._triggers.ask()
        time.sleep(0.05)
    assert len(page.messages) == sent


def test_a_file_that_lands_changes_its_row(
    watched: nbpart.Workspace, table: TriggerTable, page: Page, project: Path
) -> None:
    (project / "inbox" / "<b>.csv").write_text("b")
    watched.tick("inbox", progress=False)
    patch = page.wait_for(lambda m: m.get("kind") == "shown")
    [one] = patch["payload"]["triggers"]
    assert (one["name"], one["outcome"], one["error"]) == ("inbox", "asked", "")
    [tick] = page.ask("read_ticks", {"trigger": "inbox"})["payload"]["ticks"]
    assert (tick["keys"], tick["traceback"]) == ([("files", "<b>", "added")], "")
    followed = page.ask("show_backfill", {"backfill_id": tick["backfills"][0]})["payload"]
    assert followed["message"] == f"Backfill {tick['backfills'][0]} succeeded: 1 succeeded"
    assert followed["code"] == f"ws.backfills[{tick['backfills'][0]!r}]"
    assert not page.ask("show_backfill", {"backfill_id": HOSTILE})["ok"]


def test_looks_in_a_row_that_found_nothing_are_one_line(watched: nbpart.Workspace, page: Page, project: Path) -> None:
    watched.sensor(nothing, name="quiet")
    for _ in range(3):
        watched.tick("quiet", here=True)
    [tick] = page.ask("read_ticks", {"trigger": "quiet"})["payload"]["ticks"]
    times = [at.isoformat() for at in watched.ticks("quiet").happened_at]
    assert (tick["looks"], tick["happened_at"], tick["first_at"]) == (3, times[0], times[-1])
    for text in ("a", "b"):
        (project / "inbox" / f"{text}.csv").write_text(text)
        watched.tick("inbox", progress=False)
    for _ in range(2):
        watched.tick("inbox", progress=False)
    ticks = page.ask("read_ticks", {"trigger": "inbox"})["payload"]["ticks"]
    assert [(each["looks"], each["outcome"]) for each in ticks] == [(2, "skipped"), (1, "asked"), (1, "asked")]
    assert [key for _, key, _ in ticks[2]["keys"]] == ["a"]


def test_looks_that_are_not_recorded_yet_are_among_the_looks(
    watched: nbpart.Workspace, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = watched.project.catalog
    held = HeldWatch(catalog.path, catalog.clock())
    first, newest = catalog.clock() + timedelta(seconds=1), catalog.clock() + timedelta(seconds=9)

    def looks(message: str, at: datetime = newest) -> list[tuple[int, str, str, str]]:
        latest = LatestLook(newest + timedelta(hours=1), at, message, first, 4)
        write_latest_looks(catalog.path, held.note, {1: latest})
        ticks = page.ask("read_ticks", {"trigger": "inbox"})["payload"]["ticks"]
        return [(each["looks"], each["said"], each["first_at"], each["happened_at"]) for each in ticks]

    assert looks("it rains") == [(4, "it rains", first.isoformat(), newest.isoformat())]
    tick = watched.tick("inbox", progress=False)
    at = watched.ticks("inbox").happened_at[0]
    assert looks("it rains")[1:] == [(1, tick.message, at.isoformat(), at.isoformat())]
    monkeypatch.setattr(catalog, "read", None)  # nothing was written since
    assert looks(tick.message) == [(5, tick.message, at.isoformat(), newest.isoformat())]
    assert looks("it rains", at) == [(1, tick.message, at.isoformat(), at.isoformat())], "they were recorded meanwhile"
    held.close()


def test_what_a_sensor_printed_is_with_its_look(watched: nbpart.Workspace, page: Page) -> None:
    watched.sensor(printing, name="loud")
    watched.tick("loud")
    [tick] = page.ask("read_ticks", {"trigger": "loud"})["payload"]["ticks"]
    assert tick["printed"] == f"three {HOSTILE}"


def test_one_is_turned_off_looked_with_and_taken_off(
    watched: nbpart.Workspace, table: TriggerTable, page: Page
) -> None:
    watched.sensor(failing, name="loud")
    until(lambda: row(table, "loud") != {})
    assert page.ask("switch_trigger", {"trigger": "loud", "is_on": False})["payload"]["message"] == "loud is off."
    until(lambda: row(table, "loud")["is_on"] is False)
    assert page.ask("tick", {"trigger": "loud"})["payload"]["message"] == "The look failed."
    until(lambda: row(table, "loud")["error"] == f"sensor 'loud' raised OSError: no {HOSTILE} here")
    html = table.static_html()
    assert "<img" not in html
    assert "no &lt;img" in html
    for name in ("loud", "inbox"):
        watched.triggers[name].remove()
    until(lambda: shown(table)["triggers"] == [])
    assert "No triggers yet" in table.static_html()
    assert shown(table)["watch"] == {"says": "", "can_watch": False, "can_stop": False}


def test_who_may_watch_and_who_may_stop(
    watched: nbpart.Workspace, table: TriggerTable, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def kill(pid: int, number: int) -> None:
        if number == signal.SIGTERM:  # others ask whether a process lives
            asked.append(pid)

    monkeypatch.setattr(watch_process.os, "kill", kill)
    monkeypatch.setattr("nbpart.workspace.trigger_actions._STOP_LIMIT_S", 0.0)

    def may() -> tuple[bool, bool]:
        return shown(table)["watch"]["can_watch"], shown(table)["watch"]["can_stop"]

    assert may() == (True, False)
    catalog = watched.project.catalog
    held = HeldWatch(catalog.path, catalog.clock())
    until(lambda: may() == (False, True))
    stopped = page.ask("stop_watching")["payload"]
    assert (stopped["message"], stopped["code"]) == (
        "The watcher was told to end after the steps that run.",
        "ws.watch().stop()",
    )
    assert asked == [os.getpid()]
    held.beat(catalog.clock(), is_ending=True)
    until(lambda: may() == (False, False))
    assert shown(table)["watch"]["says"].endswith("; it ends after the steps that run")
    page.ask("stop_watching")
    assert len(asked) == 1, "a second signal would end it at once"
    held.close()
    until(lambda: may() == (True, False))
    assert page.ask("stop_watching")["payload"]["message"] == "The watcher has ended."
    held = HeldWatch(catalog.path, catalog.clock())
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    until(lambda: may() == (False, False))
    assert "end it there" in page.ask("stop_watching")["error"]["message"]
    held.close()


def test_nobody_begins_to_watch_a_workspace_that_is_not_trusted(
    watched: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(watched.project), "is_trusted", property(lambda self: False))
    table = make_trigger_table(watched.project)
    assert shown(table)["watch"]["can_watch"] is False
    table.close()


@pytest.mark.parametrize("what", ["triggers", "watcher"])
def test_triggers_and_watcher_display_it_in_a_notebook_and_their_repr_elsewhere(
    watched: nbpart.Workspace, what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shows = {
        "triggers": watched.triggers,
        "watcher": watch_process.WatchProcess(watched.project, watched.triggers),
    }[what]
    displayed: list[LiveWidget] = []
    monkeypatch.setattr(LiveWidget, "_ipython_display_", lambda self: displayed.append(self))
    shows._ipython_display_()
    assert (displayed, capsys.readouterr().out) == ([], f"{shows!r}\n")
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel="a kernel"))
    shows._ipython_display_()
    [table] = displayed
    assert isinstance(table, TriggerTable)
    assert repr(table) == "<TriggerTable: 1 trigger; nobody watches>"
    table.close()
