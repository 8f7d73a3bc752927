"""Functions that optimizers are compared on: each has a known minimum."""

from __future__ import annotations

import math


def branin(x: float, y: float) -> float:
    """Branin's function on [-5, 10] x [0, 15]: three minima of 0.397887."""
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


_A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(*point: float) -> float:
    """Hartmann's function on the unit cube of six dimensions: its minimum is -3.32237."""
    terms = (
        weight * math.exp(-sum(a * (x - p) ** 2 for a, x, p in zip(row, point, place, strict=True)))
        for weight, row, place in zip((1.0, 1.2, 3.0, 3.2), _A, _P, strict=True)
    )
    return -sum(terms)
