"""The clock of workspaces, set by a test."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import pytest

import nbpart


class Clock:
    """What time it is for all catalogs of this process, also for those that a run by hand opens."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def set(self, text: str) -> None:
        """Let it be that time, in UTC where the text has no offset."""
        self.moment = read_moment(text)

    def now(self, _: tzinfo) -> datetime:
        return self.moment

    def install(self, patch: pytest.MonkeyPatch) -> Clock:
        patch.setattr("nbpart.catalog.connection.datetime", self)
        return self


def set_clock(ws: nbpart.Workspace, text: str) -> None:
    """Let it be that time in one open workspace."""
    moment = read_moment(text)
    ws.project.catalog.clock = lambda: moment


def read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
