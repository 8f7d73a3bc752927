"""The types of what pages are sent about the curves of runs; see `nbpart.widgets.payloads`."""

from __future__ import annotations

from typing import TypedDict


class CurveLineJson(TypedDict):
    """A line to draw: a series of a run, with so many points in the buffer of ``total`` that were logged."""

    run_id: str
    points: int
    total: int
    live: bool


class CurvesJson(TypedDict):
    """Lines of a metric, whose points are in the buffer, and the names of the metrics that have curves."""

    metric: str
    names: list[str]
    lines: list[CurveLineJson]
