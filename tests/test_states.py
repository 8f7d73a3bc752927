from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.states import (
    DISPLAY_ORDER,
    OUTDATED,
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    PartitionStatus,
    RunStatus,
    StepStatus,
)


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
    assert {s for s in StepStatus if s.is_finished and not s.can_become(StepStatus.PLANNED)} == {StepStatus.SUCCEEDED}
    assert set(OUTDATED) == {"missing", "stale", "failed"}


def test_a_step_has_the_statuses_of_a_run_and_its_changes() -> None:
    assert {*StepStatus} == {*RunStatus} | {"planned", "blocked"}
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
