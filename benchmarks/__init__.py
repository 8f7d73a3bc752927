"""Measurements: `python -m benchmarks.<name>` prints one JSON object a line."""

from __future__ import annotations

import os

#: Where this is set everything is measured so often, which is enough to see that it runs.
ROUNDS_VARIABLE = "NBPART_BENCH_ROUNDS"


def rounds(usual: int) -> int:
    """How often a benchmark does each thing that it measures."""
    return int(os.environ.get(ROUNDS_VARIABLE, usual))
