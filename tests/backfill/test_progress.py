from __future__ import annotations

import io
import sys

import pytest

from nbpart.backfill import progress
from nbpart.backfill.progress import ProgressSource, show_progress
from nbpart.states import StepStatus


@pytest.mark.parametrize(("visible", "lines"), [(True, 3), (False, 0)])
def test_without_a_terminal_a_line_is_printed_for_each_change(
    monkeypatch: pytest.MonkeyPatch, visible: bool, lines: int
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "LOG_S", 0.0)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    finished = iter([0, 0, 1, 1, 1, 1, 2, 2, 3, 3])
    current = [0]

    def wait(timeout_s: float | None) -> bool:
        current[0] = next(finished)
        return current[0] == 3

    def counts() -> dict[StepStatus, int]:
        return {StepStatus.SUCCEEDED: current[0], StepStatus.PLANNED: 3 - current[0]}

    assert show_progress(ProgressSource(counts, wait), "bf", None, visible=visible)
    told = stream.getvalue().splitlines()
    assert told == [f"bf: {n} of 3 steps" for n in (1, 2, 3)][:lines]
