"""Backfills requested by a tick whose process died, in the command line; with real kernels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nbpart
from nbpart.automation import ticks
from tests.cli.conftest import Ask


class Died(BaseException):
    """Stands for the end of a process."""


@pytest.fixture
def left(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a backfill that a tick asked for before it died."""

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch, nbpart.open("workspace") as workspace:
        patch.setattr(ticks, "_start", die)
        with pytest.raises(Died):
            workspace.tick("inbox")
        return next(iter(workspace.backfills))


@pytest.mark.kernel
def test_a_request_is_listed_and_resumed_by_the_next_tick(ask: Ask, left: str) -> None:
    listed = ask("backfills")
    assert "requested" in listed.stdout
    assert f"was asked for and has not begun; the next tick takes it up, or: nbpart resume {left}" in listed.stderr
    assert f"nbpart resume {left}" in ask("status").stderr
    ticked = json.loads(ask("tick", "inbox", "-j", "2", "--json").stdout)
    assert (ticked["added"], ticked["backfill"]) == ({}, None)
    assert [(each["backfill_id"], each["status"]) for each in ticked["resumed"]] == [(left, "succeeded")]
    assert json.loads(ask("backfills", "--json").stdout)[0]["status"] == "succeeded"


def test_a_request_is_cancelled(ask: Ask, left: str) -> None:
    assert ask("cancel", left).stdout == f"backfill {left} cancelled\n"
    assert "found nothing new" in ask("tick", "inbox").stdout
    assert json.loads(ask("backfills", "--json").stdout)[0]["status"] == "cancelled"
