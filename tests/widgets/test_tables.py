"""Static tables: everything escaped, every status with a glyph, empty states that say what to do."""

from __future__ import annotations

import pandas as pd
import pytest

from nbpart.assets.definition import AssetDefinition
from nbpart.assets.graph import AssetGraph
from nbpart.states import DISPLAY_ORDER, PartitionStatus, StepStatus
from nbpart.widgets.palette import MARKS, colour_status_of, mark_of
from nbpart.widgets.tables import backfill_html, frame_html, plan_html, workspace_html

HOSTILE = "<img src=x onerror=alert(1)>"


def status_of(**counts: int) -> pd.DataFrame:
    row = {str(s): counts.get(str(s), 0) for s in DISPLAY_ORDER}
    return pd.DataFrame([row], index=["clean"])


def test_a_workspace_shows_each_asset_with_its_counts() -> None:
    graph = AssetGraph([AssetDefinition("clean", "function", set_name="files")])
    html = workspace_html("/a/<b>", graph, status_of(failed=2, materialized=1234))
    assert "/a/&lt;b&gt;" in html
    assert "1,234" in html
    assert f"{MARKS[PartitionStatus.FAILED].glyph}</span>2</td>" in html


def test_a_workspace_without_assets_says_how_to_register_one() -> None:
    assert "@ws.asset" in workspace_html("w", AssetGraph([]), pd.DataFrame())


def test_hostile_keys_and_errors_are_text() -> None:
    frame = pd.DataFrame({"asset": ["a"], "partition_key": [HOSTILE], "reason": ["missing"]})
    for html in (
        plan_html(HOSTILE, 1, {HOSTILE: 1}, frame),
        frame_html(frame),
        backfill_html(HOSTILE, HOSTILE, "failed", {"failed": 1}),
        workspace_html(HOSTILE, AssetGraph([]), pd.DataFrame()),
    ):
        assert "<img" not in html
        assert "&lt;img" in html


def test_endless_texts_are_cut() -> None:
    endless = "x" * 1_000_000
    html = frame_html(pd.DataFrame({"metric": [endless], "other": ["short"]}))
    assert len(html) < 10_000
    assert "…" in html
    assert "short" in html


def test_a_plan_says_how_many_steps_it_does_not_show() -> None:
    frame = pd.DataFrame({"asset": ["a"], "partition_key": ["k"], "reason": ["missing"]})
    assert "and 4,999 more" in plan_html("*", 5000, {"missing": 5000}, frame)
    assert "nothing to do" in plan_html("*", 0, {}, frame.head(0))


@pytest.mark.parametrize("status", list(StepStatus))
def test_every_status_of_a_step_has_a_mark(status: StepStatus) -> None:
    mark = mark_of(status)
    assert mark is not None
    assert (mark.light, mark.dark) == (MARKS[colour_status_of(status)].light, MARKS[colour_status_of(status)].dark)
    assert str(status) in backfill_html("b", "*", "running", {str(status): 3})


def test_another_text_has_no_mark() -> None:
    assert mark_of("data.csv") is None
