"""Curves as they are drawn: smoothed, and thinned for display alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: So many points of a curve are drawn at most, and so many curves.
MOST_POINTS, MOST_CURVES = 1_000, 100


@dataclass(frozen=True)
class CurveLine:
    """A line to draw: a part of a run's metric whose steps do not go back.

    ``total`` points were logged; ``is_live`` where more may come.
    """

    run_id: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    total: int
    is_live: bool


@dataclass(frozen=True)
class CurveSet:
    """Lines of one metric, and the metrics that these runs have curves of."""

    metric: str
    names: tuple[str, ...]
    lines: tuple[CurveLine, ...]


def smooth(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """The exponential moving average, without the bias of its beginning: ``weight`` from 0 (as they are) to below 1.

    What is no number has no part in it.
    """
    if not weight or len(values) < 2:
        return values
    import numpy as np
    import pandas as pd

    finite = pd.Series(np.where(np.isfinite(values), values, np.nan))
    return np.asarray(finite.ewm(alpha=1 - weight, adjust=True).mean(), dtype=np.float64)


def thin(
    x: NDArray[np.float64], y: NDArray[np.float64], most: int = MOST_POINTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most so many of the points of a line: of each of equally many points in a row the least and the greatest.

    The first and the last stay, and where there is no number a gap. So peaks are seen that any choice of every nth
    would miss.
    """
    import numpy as np

    if len(x) <= most:
        return x, y
    inner = y[1:-1]
    has_gaps = bool(np.isnan(inner).any())
    width = -(-len(inner) // max((most - 2) // (3 if has_gaps else 2), 1))
    whole = len(inner) // width * width
    chosen = np.zeros(len(y), dtype=bool)
    chosen[[0, -1]] = True
    for begin, part in ((0, inner[:whole].reshape(-1, width)), (whole, inner[whole:].reshape(1, -1))):
        if part.size:
            first = begin + 1 + np.arange(len(part)) * width
            low = high = part
            if has_gaps:
                is_gap = np.isnan(part)
                low, high = (np.where(is_gap, end, part) for end in (np.inf, -np.inf))
                chosen[(first + is_gap.argmax(axis=1))[is_gap.any(axis=1)]] = True
            chosen[first + low.argmin(axis=1)] = True
            chosen[first + high.argmax(axis=1)] = True
    return x[chosen], y[chosen]


def encode_lines(lines: Sequence[CurveLine]) -> bytes:
    """The points of all lines: the xs of the first, its ys, and so on; numbers of 64 bits."""
    return b"".join(part.astype("<f8", copy=False).tobytes() for line in lines for part in (line.x, line.y))
