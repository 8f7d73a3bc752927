"""Curves as they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from nbpart.widgets.curve_lines import MOST_POINTS, CurveLine, encode_lines, smooth, thin


@pytest.mark.parametrize("n", [0, 1, 2, MOST_POINTS])
def test_few_points_are_drawn_as_they_are(n: int) -> None:
    x = np.arange(n, dtype=float)
    assert thin(x, x)[0] is x


@pytest.mark.parametrize("n", [MOST_POINTS + 1, 1_733, 10_000, 99_991])
@pytest.mark.parametrize("most", [4, 100, MOST_POINTS])
def test_of_many_points_the_peaks_and_the_ends_are_drawn(n: int, most: int) -> None:
    x = np.arange(n, dtype=float)
    y = np.sin(x / 97)
    y[n // 3], y[n // 2] = 50, -50
    xs, ys = thin(x, y, most)
    assert len(xs) <= most
    assert {xs[0], xs[-1], float(n // 3), float(n // 2)} <= set(xs)
    assert (np.diff(xs) > 0).all()
    assert (y[xs.astype(int)] == ys).all()


def test_what_is_no_number_is_thinned_too() -> None:
    y = np.full(5_000, np.nan)
    y[17], y[4_000] = 3.0, np.inf
    xs, ys = thin(np.arange(5_000.0), y)
    assert len(xs) <= MOST_POINTS
    assert {3.0, np.inf} <= set(ys)
    gap = np.arange(20_000.0)
    gap[9_000] = np.nan
    xs, ys = thin(np.arange(20_000.0), gap)
    assert xs[np.isnan(ys)].tolist() == [9_000]
    assert len(xs) <= MOST_POINTS


def test_smoothing_is_a_mean_that_forgets() -> None:
    values = np.array([1.0, 0.0, 0.0, np.nan, 0.0])
    assert smooth(values, 0) is values
    found = smooth(values, 0.5)
    # as TensorBoard has it: 1, then 0.25 / 0.75, 0.125 / 0.875
    assert found[:3] == pytest.approx([1.0, 1 / 3, 1 / 7])
    assert smooth(np.array([np.inf, 1.0, 1.0]), 0.9)[1:] == pytest.approx([1.0, 1.0])


def test_smoothing_depends_on_nothing_that_comes_later_and_leaves_what_is_constant() -> None:
    values = np.random.default_rng(0).random(50_000)
    assert (smooth(values, 0.97)[:10_000] == smooth(values[:10_000], 0.97)).all()
    assert smooth(np.full(9_999, 1e-4), 0.9) == pytest.approx(1e-4, rel=1e-12)


def test_the_points_of_all_lines_are_sent_one_line_after_the_other() -> None:
    lines = [CurveLine("a", np.array([0.0, 1.0]), np.array([2.0, 3.0]), 2, False)] * 2
    assert np.frombuffer(encode_lines(lines), "<f8").tolist() == [0, 1, 2, 3] * 2
