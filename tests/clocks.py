"""The clock of a workspace, set by a test."""

from __future__ import annotations

from datetime import UTC, datetime

import nbpart


def set_clock(ws: nbpart.Workspace, text: str) -> None:
    """Let it be that time, in UTC where the text has no offset."""
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    ws.project.catalog.clock = lambda: aware
