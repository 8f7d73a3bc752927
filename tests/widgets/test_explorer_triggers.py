"""The triggers in the explorer's panel, on a real workspace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import nbpart
from nbpart.automation.watching import HeldWatch
from nbpart.widgets import explorer_triggers
from nbpart.widgets.explorer import Explorer
from tests.workspaces import project, ws

__all__ = ["project", "ws"]


def nothing(context: Any) -> None:
    return None


@pytest.fixture
def explorer(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    monkeypatch.setattr(explorer_triggers, "READ_EVERY_S", 0.1)
    ws.sensor(nothing, name="quiet", every="1h")
    explorer = ws.explore()
    yield explorer
    explorer.close()


def shown(explorer: Explorer) -> dict[str, Any]:
    with explorer.panel.lock:
        return dict(explorer.panel.state()["panel"])


def until(wanted: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_line_says_who_watches_and_follows_what_is_written_and_the_time(
    ws: nbpart.Workspace, explorer: Explorer
) -> None:
    until(lambda: shown(explorer)["watching"] == "1 trigger; nobody watches")
    ws.sensor(nothing, name="second")
    until(lambda: shown(explorer)["watching"] == "2 triggers; nobody watches")
    # a watcher that begins, or ends, writes nothing into the catalog
    held = HeldWatch(ws.project.catalog.path, ws.project.catalog.clock())
    until(lambda: shown(explorer)["watching"].startswith("2 triggers; watched since "))
    held.close()
    until(lambda: shown(explorer)["watching"].startswith("2 triggers; nobody has watched since "))
    for trigger in ws.triggers.values():
        trigger.remove()
    until(lambda: shown(explorer)["watching"] == "")
