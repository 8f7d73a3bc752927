"""The palette, computed: contrast by WCAG, distance by CIEDE2000 over normal sight and three colour-blind views."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from nbpart.states import BackfillStatus, PartitionStatus, RunStatus, StepStatus
from nbpart.widgets.palette import COLOURED_AS, DARK_BACKGROUND, LIGHT_BACKGROUND, MARKS, colour_rules, mark_of

#: Machado, Oliveira, Fernandes 2009, severity 1.0, in linear RGB.
VIEWS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lab(colour: str, view: str) -> tuple[float, float, float]:
    seen = np.clip(np.array(VIEWS[view]) @ linear(colour), 0, 1)
    t = np.array(TO_XYZ) @ seen / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    (l1, a1, b1), (l2, a2, b2) = one, other
    c7 = ((math.hypot(a1, b1) + math.hypot(a2, b2)) / 2) ** 7
    g = 1.5 - 0.5 * math.sqrt(c7 / (c7 + 25**7))
    a1, a2 = a1 * g, a2 * g
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = math.degrees(math.atan2(b1, a1)) % 360, math.degrees(math.atan2(b2, a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    hm = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = 1 - 0.17 * math.cos(math.radians(hm - 30)) + 0.24 * math.cos(math.radians(2 * hm))
    t += 0.32 * math.cos(math.radians(3 * hm + 6)) - 0.2 * math.cos(math.radians(4 * hm - 63))
    sl = 1 + 0.015 * (lm - 50) ** 2 / math.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rt = -2 * math.sqrt(cm**7 / (cm**7 + 25**7)) * math.sin(math.radians(60 * math.exp(-(((hm - 275) / 25) ** 2))))
    dl, dc = l2 - l1, c2 - c1
    return math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * dc / sc * dh / sh)


def test_the_distance_is_that_of_the_published_pairs() -> None:
    # Sharma, Wu, Dalal 2005: pairs 1, 7 and 17
    assert distance((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert distance((50, 0, 0), (50, -1, 2)) == pytest.approx(2.3669, abs=1e-4)
    assert distance((50, 2.5, 0), (73, 25, -18)) == pytest.approx(27.1492, abs=1e-4)


@pytest.mark.parametrize(
    ("background", "name", "least"),
    [(LIGHT_BACKGROUND, "light", 3.0), (DARK_BACKGROUND, "dark", 3.0)],
    ids=["light", "dark"],
)
def test_every_colour_but_missing_contrasts_with_the_background(background: str, name: str, least: float) -> None:
    for status, mark in MARKS.items():
        if status is not PartitionStatus.MISSING:  # it has an outline
            assert contrast(getattr(mark, name), background) >= least, status


@pytest.mark.parametrize(("name", "least"), [("light", 20.0), ("dark", 13.0)])
def test_any_two_colours_can_be_distinguished_by_everyone(name: str, least: float) -> None:
    for view in VIEWS:
        seen = {status: lab(getattr(mark, name), view) for status, mark in MARKS.items()}
        for (a, one), (b, other) in itertools.combinations(seen.items(), 2):
            assert distance(one, other) >= least, f"{a} and {b} to {view} eyes"


def test_every_status_has_a_glyph_of_its_own() -> None:
    assert set(MARKS) == set(PartitionStatus)
    assert len({mark.glyph for mark in MARKS.values()}) == len(MARKS)
    assert set(COLOURED_AS) == {*StepStatus, BackfillStatus.REQUESTED, BackfillStatus.CANCELLING}
    assert all(mark_of(status) for status in [*PartitionStatus, *StepStatus])
    assert mark_of("no status") is None


def test_the_rules_follow_the_theme_of_jupyterlab_before_that_of_the_system() -> None:
    rules = colour_rules(".x")
    assert "@media (prefers-color-scheme:dark){body:not([data-jp-theme-light]) .x{--nbpart-" in rules
    assert 'body[data-jp-theme-light="false"] .x{' in rules
    for mark in MARKS.values():
        assert mark.light in rules
        assert mark.dark in rules


def test_every_status_of_a_backfill_has_a_mark_of_its_own() -> None:
    statuses = [*map(str, RunStatus), BackfillStatus.REQUESTED, BackfillStatus.CANCELLING]
    assert all(mark_of(status) for status in statuses)
    marks = {status: (mark.light, mark.glyph) for status in statuses if (mark := mark_of(status))}
    going = ("running", "cancelling", "queued", "succeeded", "failed", "interrupted", "cancelled")
    assert len({marks[status] for status in going}) == len(going)
