"""The triggers in the explorer's panel, on a real workspace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.automation.watching import HeldWatch
from nbpart.widgets import trigger_list
from nbpart.widgets.explorer import Explorer
from tests.backfill.pools import Stage
from tests.widgets.pages import Page
from tests.workspaces import project, ws

__all__ = ["project", "ws"]
HOSTILE = "<img src=x onerror=alert(1)>"


def nothing(context: Any) -> None:
    return None


def failing(context: Any) -> None:
    raise OSError(f"no {HOSTILE} here")


@pytest.fixture
def explorer(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    monkeypatch.setattr(trigger_list, "READ_EVERY_S", 0.1)
    ws.sensor(nothing, name="quiet", every="1h")
    explorer = ws.explore()
    yield explorer
    explorer.close()


def shown(explorer: Explorer) -> dict[str, Any]:
    with explorer.panel.lock:
        return dict(explorer.panel.state()["panel"])


def watching(explorer: Explorer) -> str:
    return str(shown(explorer)["triggers"]["watch"]["says"])


def until(wanted: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_line_says_who_watches_and_follows_what_is_written_and_the_time(
    ws: nbpart.Workspace, explorer: Explorer
) -> None:
    until(lambda: watching(explorer) == "1 trigger; nobody watches")
    ws.sensor(nothing, name="second")
    until(lambda: watching(explorer) == "2 triggers; nobody watches")
    # a watcher that begins, or ends, writes nothing into the catalog
    held = HeldWatch(ws.project.catalog.path, ws.project.catalog.clock())
    until(lambda: watching(explorer).startswith("2 triggers; watched since "))
    held.close()
    until(lambda: watching(explorer).startswith("2 triggers; nobody has watched since "))
    for trigger in ws.triggers.values():
        trigger.remove()
    until(lambda: watching(explorer) == "")


def clean(inbox: Any) -> str:
    return ""


@pytest.fixture
def watched(ws: nbpart.Workspace) -> nbpart.Workspace:
    """A workspace with a watched folder; its runs are played."""
    ws.project.make_pool = Stage(lambda spec: "done").make_pool
    files = ws.dynamic_partitions("files")
    source = ws.source("inbox", "inbox/{partition_key}.csv", partitions=files)
    ws.register(nbpart.asset(clean, partitions=files))  # type: ignore[call-overload]
    source.watch(settle=0)
    return ws


@pytest.fixture
def page(watched: nbpart.Workspace, explorer: Explorer) -> Page:
    return Page(explorer.panel)


def trigger(explorer: Explorer, name: str = "inbox") -> dict[str, Any]:
    return next((each for each in shown(explorer)["triggers"]["triggers"] if each["name"] == name), {})


def test_a_trigger_is_turned_off_and_on(watched: nbpart.Workspace, explorer: Explorer, page: Page) -> None:
    off = page.ask("switch_trigger", {"trigger": "inbox", "is_on": False})["payload"]
    assert (off["message"], off["code"]) == ("inbox is off.", "ws.triggers['inbox'].off()")
    assert not watched.triggers["inbox"].is_on
    until(lambda: trigger(explorer)["is_on"] is False)
    assert watching(explorer) == "1 trigger; nobody watches"
    assert page.ask("switch_trigger", {"trigger": "inbox", "is_on": True})["ok"]
    until(lambda: trigger(explorer)["is_on"] is True)
    wrong = page.ask("switch_trigger", {"trigger": HOSTILE, "is_on": True})
    assert "there is no trigger" in wrong["error"]["message"]


def test_a_look_now_adds_keys_lists_its_backfill_and_is_among_the_looks(
    watched: nbpart.Workspace, explorer: Explorer, page: Page, project: Path
) -> None:
    for number in range(25):
        (project / "inbox" / f"f{number:02}.csv").write_text(str(number))
    (project / "inbox" / "<b>.csv").write_text("b")
    done = page.ask("tick", {"trigger": "inbox"})["payload"]
    assert done["code"] == "ws.tick('inbox', wait=False)"
    added, begun = done["message"].splitlines()
    assert added == "26 keys added to files."
    [tick] = page.ask("read_ticks", {"trigger": "inbox"})["payload"]["ticks"]
    assert begun == f"Backfill {tick['backfills'][0]} has begun."
    assert tick["keys"][0] == ("files", "<b>", "added")
    assert (len(tick["keys"]), tick["other_keys"]) == (20, 6)
    assert (tick["outcome"], tick["error"]) == ("asked", "")
    until(lambda: trigger(explorer)["outcome"] == "asked")
    assert trigger(explorer)["last_look"] == tick["happened_at"]
    until(lambda: [each["id"] for each in shown(explorer)["backfills"]] == tick["backfills"])


def test_a_look_that_fails_says_so_and_stands_in_its_row(
    watched: nbpart.Workspace, explorer: Explorer, page: Page
) -> None:
    watched.sensor(failing, name="loud")
    failed = page.ask("tick", {"trigger": "loud"})["payload"]
    said = f"sensor 'loud' raised OSError: no {HOSTILE} here"
    assert failed["message"] == "The look failed.", "what it raised stands in its row, once"
    assert failed["code"] == "ws.tick('loud', wait=False)"
    until(lambda: trigger(explorer, "loud").get("outcome") == "failed")
    assert trigger(explorer, "loud")["error"] == said
    [tick] = page.ask("read_ticks", {"trigger": "loud"})["payload"]["ticks"]
    assert (tick["outcome"], tick["error"], tick["keys"]) == ("failed", said, [])
    assert tick["traceback"].rstrip().endswith(f"OSError: no {HOSTILE} here")


def test_a_look_that_cannot_be_made_says_why(
    watched: nbpart.Workspace, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise nbpart.UntrustedWorkspaceError("it is not trusted")

    monkeypatch.setattr(watched.project, "check_trust", refuse)
    refused = page.ask("tick", {"trigger": "inbox"})
    assert refused["error"]["message"] == "it is not trusted"
    assert len(watched.ticks("inbox")) == 0


def test_an_old_backfill_is_listed_when_it_is_followed(
    watched: nbpart.Workspace, explorer: Explorer, page: Page, project: Path
) -> None:
    (project / "inbox" / "a.csv").write_text("a")
    tick = watched.tick("inbox", progress=False)
    assert tick.backfill is not None
    later = watched.explore()
    try:
        assert shown(later)["backfills"] == []
        answer = Page(later.panel).ask("show_backfill", {"backfill_id": tick.backfill.id})["payload"]
        assert answer["code"] == f"ws.backfills[{tick.backfill.id!r}]"
        assert [each["id"] for each in shown(later)["backfills"]] == [tick.backfill.id]
        assert not Page(later.panel).ask("show_backfill", {"backfill_id": HOSTILE})["ok"]
    finally:
        later.close()
