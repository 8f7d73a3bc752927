from __future__ import annotations

from nbpart.widgets.actions import PlanSummary
from nbpart.widgets.explorer_json import describe_plan, strip_terminal_codes


def test_a_plan_is_described_in_one_sentence() -> None:
    plan = PlanSummary("x", 14, {"missing": 12, "failed": 2}, (), "")
    assert describe_plan(plan) == "14 steps: 12 missing, 2 failed"
    assert describe_plan(PlanSummary("x", 1, {"missing": 1}, (), "")) == "1 step: 1 missing"
    assert "up to date" in describe_plan(PlanSummary("x", 0, {}, (), ""))


def test_terminal_codes_are_removed_from_texts() -> None:
    assert strip_terminal_codes("\x1b[0;31mValueError\x1b[39m: <b>\x00\x07 no\n\tend") == "ValueError: <b> no\n\tend"
