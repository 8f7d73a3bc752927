from __future__ import annotations

from tests.workspaces import project, ws

__all__ = ["project", "ws"]
