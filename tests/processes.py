"""Processes that runs left behind, found by the mark in their environment and by their folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

MARK = "NBPART_RUN_MARK"


def find_marked(folder: Path, *, running: bool = False) -> list[int]:
    """Processes in or below a folder that carry the mark of runs.

    Among them are what stands ready for runs to come, unless only those of ``running`` ones are asked for.
    """
    found = []
    for process in psutil.process_iter(["environ", "cwd", "status"]):
        mark = (process.info["environ"] or {}).get(MARK)
        if mark is None or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        inside = Path(process.info["cwd"] or "/").is_relative_to(folder)
        if inside and not (running and not mark.strip("-")):
            found.append(process.pid)
    return found


def wait_for(condition: Callable[[], object], most_s: float, what: str = "it came to that") -> None:
    """Wait until a condition holds; an assertion that says what did not come."""
    end = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < end, f"waited {most_s} s in vain until {what}"
        time.sleep(0.02)
