from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Ask


def test_limits_are_set_listed_and_taken_away(project: Path, ask: Ask) -> None:
    assert ask("limits").stderr == "There are no limits; `nbpart limits tag:db=2` sets one.\n"
    ask("limits", "sizes=2")
    assert json.loads(ask("limits", "--json").stdout) == [{"limit": "sizes", "most": 2, "running": 0, "waiting": 0}]
    assert ask("limits", "sizes=none").stderr == "There are no limits; `nbpart limits tag:db=2` sets one.\n"


def test_a_wrong_limit_is_refused(project: Path, ask: Ask) -> None:
    for text in ("sizes", "sizes=many", "=2", "sizes=-1"):
        assert "is not NAME=N with a whole number N, nor NAME=none" in ask("limits", text, code=2).stderr
    assert "limits names 'size'" in ask("limits", "size=1", code=2).stderr
