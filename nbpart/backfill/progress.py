"""The progress bar of a backfill."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nbpart.states import StepStatus

#: How often the bar is drawn, and how often a line is printed where no bar can be drawn (in a file), in seconds.
REFRESH_S = 0.1
LOG_S = 30.0


@dataclass(frozen=True)
class ProgressSource:
    """Two functions that say how far a backfill is.

    ``counts()`` gives its steps by status; ``wait(seconds)`` waits at most so long and returns whether it ended.
    """

    counts: Callable[[], Mapping[StepStatus, int]]
    wait: Callable[[float | None], bool]


def show_progress(backfill: ProgressSource, name: str, timeout_s: float | None, *, visible: bool) -> bool:
    """Show the progress of a backfill until it ends; False if that is not within ``timeout_s`` seconds."""
    from tqdm.auto import tqdm

    end = None if timeout_s is None else time.monotonic() + timeout_s
    counts = backfill.counts()
    hidden = not visible
    is_drawn = sys.stderr.isatty() or "ipykernel" in sys.modules
    every_s = REFRESH_S if is_drawn else LOG_S
    printed_counts, printed_at = dict(counts), time.monotonic()
    total = sum(counts.values())
    seldom_s = max(10.0, every_s)
    with tqdm(
        total=total,
        desc=name,
        unit="step",
        mininterval=every_s,
        maxinterval=seldom_s,
        disable=hidden or not is_drawn,
    ) as bar:
        while True:
            ended = backfill.wait(REFRESH_S)
            counts = backfill.counts()
            finished = sum(n for status, n in counts.items() if status.is_finished)
            others = {
                s.value: n for s, n in counts.items() if n and s not in (StepStatus.PLANNED, StepStatus.SUCCEEDED)
            }
            bar.total = total = sum(counts.values())
            bar.set_postfix(others, refresh=False)
            bar.update(finished - bar.n)
            is_due = ended or time.monotonic() > printed_at + LOG_S
            if not (hidden or is_drawn) and counts != printed_counts and is_due:
                printed_counts, printed_at = dict(counts), time.monotonic()
                _print_line(name, finished, total, others)
            if ended:
                return True
            if end is not None and time.monotonic() > end:
                return False


def _print_line(name: str, finished: int, total: int, others: Mapping[str, int]) -> None:
    more = "".join(f", {n:,} {status}" for status, n in others.items())
    print(f"{name}: {finished:,} of {total:,} steps{more}", file=sys.stderr, flush=True)
