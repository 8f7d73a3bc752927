from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbpart
from nbpart.states import (
    BAR_ORDER,
    BEGINNINGS,
    COLUMN_ORDER,
    DISPLAY_ORDER,
    DONE,
    OUTDATED,
    RUN_TRANSITIONS,
    STATUS_AFTER,
    STATUS_CODES,
    STATUS_GROUPS,
    STATUS_WORDS,
    STEP_CODES,
    STEP_ORDER,
    STEP_TRANSITIONS,
    UNFINISHED,
    UNSUCCESSFUL,
    URGENCY,
    BackfillEvent,
    BackfillStatus,
    PartitionStatus,
    RunStatus,
    StepStatus,
)

PACKAGE = Path(nbpart.__file__).parent


def reachable(status: RunStatus | StepStatus) -> set[RunStatus | StepStatus]:
    """Every status that ``status`` can come to in one change or more."""
    found: set[RunStatus | StepStatus] = set()
    waiting = [status]
    while waiting:
        at = waiting.pop()
        onward = {other for other in type(at) if at.can_become(other)}  # type: ignore[arg-type]
        waiting += onward - found
        found |= onward
    return found


def test_every_status_has_a_row_in_its_table() -> None:
    assert set(RUN_TRANSITIONS) == set(RunStatus)
    assert set(STEP_TRANSITIONS) == set(StepStatus)


@given(st.sampled_from(RunStatus), st.sampled_from(RunStatus))
def test_a_finished_run_stays_as_it_is(status: RunStatus, other: RunStatus) -> None:
    if status.is_finished:
        assert not status.can_become(other)


@given(st.sampled_from(StepStatus), st.sampled_from(StepStatus))
def test_a_finished_step_can_only_be_planned_again(status: StepStatus, other: StepStatus) -> None:
    if status.is_finished and status.can_become(other):
        assert other is StepStatus.PLANNED


@given(st.sampled_from([*RunStatus, *StepStatus]))
def test_no_status_becomes_itself(status: RunStatus | StepStatus) -> None:
    assert not status.can_become(status)  # type: ignore[arg-type]


@given(st.sampled_from([*RunStatus, *StepStatus]))
def test_what_is_not_finished_can_end_in_every_way(status: RunStatus | StepStatus) -> None:
    ends = {other for other in type(status) if other.is_finished and other != StepStatus.BLOCKED}
    if not status.is_finished:
        assert ends <= reachable(status)


def test_the_groups() -> None:
    assert {s for s in RunStatus if not s.is_finished} == {RunStatus.QUEUED, RunStatus.RUNNING}
    assert {s for s in StepStatus if not s.is_finished} == {StepStatus.PLANNED, StepStatus.QUEUED, StepStatus.RUNNING}
    done = {StepStatus.SUCCEEDED, StepStatus.SKIPPED}
    assert {s for s in StepStatus if s.is_finished and not s.can_become(StepStatus.PLANNED)} == done
    assert set(OUTDATED) == {"missing", "stale", "failed"}


def test_a_step_has_the_statuses_of_a_run_and_its_changes() -> None:
    assert {*StepStatus} == {*RunStatus} | {"planned", "blocked", "skipped"}
    for run in RunStatus:
        for other in RunStatus:
            if run.can_become(other):
                assert StepStatus(run).can_become(StepStatus(other))


def test_a_step_starts_planned() -> None:
    assert reachable(StepStatus.PLANNED) == set(StepStatus)


def test_a_blocked_step_never_ran() -> None:
    assert [s for s in StepStatus if s.can_become(StepStatus.BLOCKED)] == [StepStatus.PLANNED]


def test_every_partition_status_is_shown_once() -> None:
    assert sorted(DISPLAY_ORDER) == sorted(PartitionStatus)


@pytest.mark.parametrize("status", [*RunStatus, *StepStatus, *PartitionStatus])
def test_a_status_is_its_word(status: str) -> None:
    assert f"{status}" == str(status) == status.value == status.lower()  # type: ignore[attr-defined]


def test_codes_are_places_and_every_order_has_every_status() -> None:
    assert [*STATUS_CODES.items()] == [(status, code) for code, status in enumerate(PartitionStatus)]
    assert [*STEP_CODES.items()] == [(status, code) for code, status in enumerate(StepStatus)]
    for order in (DISPLAY_ORDER, BAR_ORDER, COLUMN_ORDER, URGENCY):
        assert sorted(order) == sorted(PartitionStatus)
    assert sorted(STEP_ORDER) == sorted(StepStatus)


def test_every_event_of_a_backfill_gives_it_a_status_and_every_status_comes_of_one() -> None:
    assert set(STATUS_AFTER) == set(BackfillEvent)
    assert set(STATUS_AFTER.values()) == set(BackfillStatus)
    assert {event for event, status in STATUS_AFTER.items() if status is BackfillStatus.RUNNING} == set(BEGINNINGS)


def test_the_words_that_choose_partitions() -> None:
    assert set(STATUS_WORDS) == {*PartitionStatus, "outdated", "all"}
    assert STATUS_GROUPS["outdated"] == OUTDATED
    assert STATUS_GROUPS["all"] == set(PartitionStatus)


def test_steps_are_unfinished_or_came_to_something() -> None:
    assert {*UNFINISHED, *UNSUCCESSFUL, *DONE} == set(StepStatus)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("catalog/**/*.py")), ids=lambda path: path.name)
def test_sql_takes_its_statuses_from_here(path: Path) -> None:
    words = "|".join({*RunStatus, *StepStatus, *PartitionStatus, *BackfillEvent} - {"missing"})
    found = re.findall(rf"'(?:{words})'", path.read_text(encoding="utf-8"))
    assert not found, f"write {{RunStatus...}} for {found}"
