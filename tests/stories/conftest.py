from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.clocks import Clock
from tests.workspaces import project, ws

__all__ = ["clock", "project", "ws"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(datetime.now(UTC)).install(monkeypatch)
