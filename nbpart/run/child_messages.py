"""What a run in its kernel and the process that coordinates it say to each other, beside the journal.

The kernel says `done` when its last cell is done, `written` when its notebook is, `kept` where it stays, and `failed`
where it could not execute it; it is told `stop`, with the reason, before it is interrupted. After `FOLLOW_AFTER_S` the
coordinating process may be writing the notebook itself, as far as the run came: then the kernel says `writing` before
it does so, and is told `go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nbpart.run.check_cells import CheckCells
from nbpart.run.report import Ending
from nbpart.states import RunStatus

DONE, WRITTEN, KEPT, FAILED, STOP = "done", "written", "kept", "failed", "stop"
WRITING, GO = "writing", "go"
#: After so long the notebook on disk follows what a run does, in seconds.
FOLLOW_AFTER_S = 0.5


def encode_ending(ending: Ending | None) -> dict[str, Any] | None:
    """An ending as JSON takes it."""
    if ending is None:
        return None
    return {entry.name: getattr(ending, entry.name) for entry in fields(Ending)} | {"status": str(ending.status)}


def decode_ending(data: Mapping[str, Any]) -> Ending:
    return Ending(**{**data, "status": RunStatus(data["status"])})


def encode_checks(checks: CheckCells) -> dict[str, Any]:
    """What became of the cells that are checks, as JSON takes it."""
    return {"ended": {name: encode_ending(one) for name, one in checks.ended.items()}, "own": sorted(checks.own)}


def decode_checks(data: Mapping[str, Any]) -> CheckCells:
    ended = {name: None if one is None else decode_ending(one) for name, one in data["ended"].items()}
    return CheckCells(ended, set(data["own"]))
