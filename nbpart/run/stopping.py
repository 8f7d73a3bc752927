"""Whether a run is to end early: a person asks for it, its time is nearly over, or a pruner says so.

A run that asks says so by a file beside its curves; a person's request is one too.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from nbpart.run.curves import CurveLog
from nbpart.run.pruners import Others, Pruner, decode_others
from nbpart.run.spec import RunSpec
from nbpart.storage.own_files import make_folder

#: Of a run that has a time-out, so much of it may pass before it is told to end.
SHARE_OF_TIMEOUT = 0.9


class StopSignal:
    """What a run asks whether to go on; ``curves`` are what it logs."""

    def __init__(self, spec: RunSpec, curves: CurveLog) -> None:
        self._spec, self._curves = spec, curves
        self._request, self._asks = Path(spec.locate(spec.stop_request)), Path(spec.locate(spec.stop_asked))
        self._begun_at = time.monotonic()
        self._has_asked = False
        self._others, self._seen = Others(), (0, 0, 0)
        if spec.pruner is not None:
            curves.follow(spec.pruner.metric)

    def find_reason(self) -> str | None:
        """Why the run is to end early; None where it goes on."""
        if not self._has_asked:
            self._has_asked = True
            make_folder(Path(self._spec.workspace), self._asks.parent)
            self._asks.touch()
        if self._request.exists():
            return f"{_read_name(self._request)} asked it to stop"
        timeout_s = self._spec.timeout_s
        if timeout_s is not None and time.monotonic() - self._begun_at >= SHARE_OF_TIMEOUT * timeout_s:
            return f"its time is nearly over (timeout_s={timeout_s:g})"
        pruner = self._spec.pruner
        return None if pruner is None or self._curves.followed is None else self._ask(pruner)

    def _ask(self, pruner: Pruner) -> str | None:
        self._read_others()
        assert self._curves.followed is not None, "asked only then"
        reason = pruner.find_reason(self._curves.followed, self._others, self._spec.run_no or 0)
        return None if reason is None else f"{pruner.kind}: {reason}"

    def _read_others(self) -> None:
        """Read the file again where it is another one."""
        assert self._spec.others is not None, "a pruner has it"
        place = self._spec.locate(self._spec.others)
        try:
            about = os.stat(place)
            seen = about.st_mtime_ns, about.st_ino, about.st_size
            if seen != self._seen:
                self._others, self._seen = decode_others(Path(place).read_bytes()), seen
        except (OSError, ValueError):  # not there yet, or out of reach for a moment: what was read last holds
            return


def _read_name(request: Path) -> str:
    try:
        return request.read_text("utf-8", "replace").strip()[:100] or "somebody"
    except OSError:
        return "somebody"
