from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbpart.backfill.options import OPTIONS
from nbpart.catalog import Catalog, events, queries
from nbpart.catalog.queries.live import BackfillProgress, StepAttempt, backfill_progress
from nbpart.catalog.records import BackfillRecord, CoordinatorRecord
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.states import RunStatus, StepStatus
from nbpart.widgets.actions import ActionResult, VerbSummary
from nbpart.widgets.monitor import BackfillMonitor
from nbpart.widgets.monitor_model import build_monitor, changed_fields, compute_steps_per_s
from nbpart.widgets.tables import monitor_html
from nbpart.widgets.trigger_actions import TriggersSummary
from tests.catalog.story import Story
from tests.widgets.pages import Page

HOSTILE = "<img src=x onerror=alert(1)>"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def progress_of(
    status: str = "running", *, finished: int = 0, window_s: float = 60.0, **counts: int
) -> BackfillProgress:
    coordinator = CoordinatorRecord(1, "here", 42, "lock", "a notebook", NOW, None)
    begun = NOW - timedelta(seconds=100)
    record = BackfillRecord(1, "bf", "+model", {}, 100, status, begun, NOW - timedelta(seconds=10), coordinator)
    running = (StepAttempt("model", "a", "run-1", NOW - timedelta(seconds=3), "", None),)
    failures = (StepAttempt("model", HOSTILE, "run-2", NOW, "ValueError: <b>", "runs/model/x.ipynb"),)
    all_counts = {s.value: counts.get(s.value, 0) for s in StepStatus}
    return BackfillProgress(record, all_counts, begun, NOW, running, failures, finished, window_s)


def test_rate_and_remaining_time_come_from_steps_that_ended_lately() -> None:
    model = build_monitor(progress_of(finished=120, succeeded=40, planned=50, queued=6, running=4))
    assert model.steps_per_s == 2.0
    assert model.remaining_s == 30.0
    assert model.elapsed_s == 100.0
    assert model.done == 40


@pytest.mark.parametrize(("finished", "window_s", "rate"), [(0, 60, None), (5, 0.5, None), (3, 60, 0.05), (9, 3, 3.0)])
def test_an_unknown_rate_is_none(finished: int, window_s: float, rate: float | None) -> None:
    assert compute_steps_per_s(finished, window_s) == rate
    assert (build_monitor(progress_of(finished=finished, window_s=window_s, planned=9)).remaining_s is None) == (
        rate is None
    )


def test_what_can_be_done_depends_on_the_status() -> None:
    going = build_monitor(progress_of(failed=3, planned=4))
    assert (going.can_cancel, going.n_retryable, going.n_resumable) == (True, 0, 0)
    failed = build_monitor(progress_of("failed", failed=3, blocked=2, succeeded=5, finished=9))
    assert (failed.can_cancel, failed.n_retryable, failed.n_resumable) == (False, 5, 0)
    assert (failed.steps_per_s, failed.elapsed_s) == (None, 90.0)
    assert build_monitor(progress_of("cancelled", cancelled=2, interrupted=1, planned=1)).n_resumable == 4


def test_a_backfill_that_is_being_cancelled_says_so() -> None:
    progress = progress_of(running=4, finished=8)
    asked = dataclasses.replace(progress, record=dataclasses.replace(progress.record, cancelling=True))
    model = build_monitor(asked)
    assert (model.status, model.is_active, model.can_cancel) == ("cancelling", True, False)
    # what is left will not run
    assert build_monitor(progress).remaining_s is not None
    assert (model.steps_per_s, model.remaining_s) == (None, None)
    assert model.to_json(Path("/ws"))["status"] == "cancelling"
    assert "cancelling" in monitor_html(model)


def test_a_requested_backfill_can_be_started_or_cancelled() -> None:
    model = build_monitor(progress_of("requested"))
    assert (model.is_active, model.can_cancel, model.n_retryable, model.n_resumable) == (False, True, 0, 0)
    text = "not begun: the next tick of any sensor takes it up"
    assert model.to_json(Path("/ws"))["waiting_for"] == text
    assert text in monitor_html(model)
    assert build_monitor(progress_of("running", running=1)).to_json(Path("/ws"))["waiting_for"] == ""


def test_only_changed_fields_are_sent() -> None:
    one = build_monitor(progress_of(planned=9)).to_json(Path("/ws"))
    other = build_monitor(progress_of(planned=8, running=1)).to_json(Path("/ws"))
    assert set(changed_fields(other, one)) == {"counts"}
    assert one["failures"][0]["notebook"] == "/ws/runs/model/x.ipynb"
    assert one["failures"][0]["code"] == "ws.get_run('run-2')"
    assert one["running"] == [{"asset": "model", "key": "a", "run_id": "run-1", "running_s": 3.0}]


def test_the_static_form_escapes_every_text() -> None:
    html = monitor_html(build_monitor(progress_of("failed", failed=1)))
    assert "<img" not in html
    assert "<b>" not in html.split("ValueError")[1]
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


# on a real catalog


class FakeActions:
    """Answers as a workspace would; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.root = Path("/ws")
        self.looked = threading.Event()
        self.next_id = "again"
        self.code_checked_at: datetime | None = None
        self.form_options = [option for option in OPTIONS.values() if option.label]

    def cancel(self, backfill_id: str) -> ActionResult:
        self.asked.append(f"cancel {backfill_id}")
        return ActionResult("asked", f"ws.backfills[{backfill_id!r}].cancel()", backfill_id)

    def retry_failed(self, backfill_id: str) -> ActionResult:
        return ActionResult("begun", f"ws.backfills[{backfill_id!r}].retry_failed()", self.next_id)

    def resume(self, backfill_id: str) -> ActionResult:
        raise DeclarationError(f"backfill {backfill_id} is running in process 7.")

    def interrupt_dead_runs(self) -> None:
        self.looked.set()

    def read_triggers(self) -> TriggersSummary:
        return TriggersSummary()

    def accept(self, *_: Any, **given: Any) -> VerbSummary:
        raise DeclarationError("nothing is accepted here.")

    wipe = prune = adopt = read_ticks = tick = switch_trigger = watch = stop_watching = describe_backfill = accept

    def explain_asset(self, asset: str) -> list[str]:
        return [f"1 stale: {asset} knows why"]


class Play:
    """A backfill of the asset `model` over a few keys, recorded step by step."""

    def __init__(self, catalog: Catalog) -> None:
        self.story = Story(catalog)
        self.story.register("model")
        self.story.add("a", HOSTILE, "c")
        self.catalog = catalog
        self.number, self.id = self.begin()

    def begin(self) -> tuple[int, str]:
        keys = ["a", HOSTILE, "c"]
        ids = [self.story.key_id(key) for key in keys]
        steps = pd.DataFrame({"asset_id": self.story.ids["model"], "key_id": ids, "reason": "missing"})
        return self.catalog.write(lambda b: events.start_backfill(b, "model", {}, self.story.coordinator, steps))

    def run(self, step: int, key: str) -> int:
        frame = pd.DataFrame(
            {
                "backfill_no": [self.number], "step_no": step, "asset_id": self.story.ids["model"],
                "key_id": self.story.key_id(key), "code_version": "c1", "settings": None,
            }
        )  # fmt: skip
        claimed = self.catalog.write(lambda b: events.claim_runs(b, frame, self.story.coordinator))
        run_no = int(claimed["run_no"].iloc[0])
        self.story.start(run_no)
        return run_no

    def end(self, step: int, run_no: int, status: RunStatus, cause: str = "") -> None:
        self.story.end(run_no, status, error_class="ValueError" if cause else None, error_message=cause or None)
        frame = pd.DataFrame({"step_no": [step], "status": str(status), "run_no": run_no, "cause": cause})
        self.catalog.write(lambda b: events.record_step_results(b, self.number, frame))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path / "catalog.duckdb", timeout_s=30)
    yield catalog
    catalog.close()


@pytest.fixture
def play(catalog: Catalog) -> Play:
    return Play(catalog)


@pytest.fixture
def actions() -> FakeActions:
    return FakeActions()


@pytest.fixture
def monitor(catalog: Catalog, play: Play, actions: FakeActions) -> Iterator[BackfillMonitor]:
    monitor = BackfillMonitor(catalog, actions, play.id)  # type: ignore[arg-type]
    yield monitor
    monitor.close()


def counts_in(message: dict[str, Any]) -> dict[str, int]:
    return {name: n for name, n in message.get("payload", {}).get("counts", []) if n}


def counts_agree(play: Play) -> dict[str, int]:
    """What the counts say, which is what the steps come to one by one."""
    counts = play.catalog.read(lambda b: queries.step_counts(b, play.number))
    steps = play.catalog.read(lambda b: queries.steps_frame(b, play.number))
    there = {status: n for status, n in counts.items() if n}
    assert there == steps["status"].value_counts().to_dict()
    return there


def run_id_of(catalog: Catalog, run_no: int) -> str:
    return str(catalog.read(lambda b: b.value("SELECT run_id FROM runs WHERE run_no = ?", run_no)))


def test_running_and_failed_steps_are_read_from_the_catalog(play: Play, catalog: Catalog) -> None:
    run_no = play.run(0, "a")
    assert counts_agree(play)
    found = catalog.read(lambda b: backfill_progress(b, play.id))
    assert found is not None
    assert [(s.asset, s.partition_key, s.run_id) for s in found.running] == [("model", "a", run_id_of(catalog, run_no))]
    assert found.running[0].at is not None
    play.end(0, run_no, RunStatus.FAILED, "no such file")
    play.end(1, play.run(1, HOSTILE), RunStatus.FAILED, "other")
    assert counts_agree(play)
    catalog.write(lambda b: events.finish_backfill(b, play.number, "cancelled"))
    catalog.write(lambda b: events.resume_backfill(b, play.number, play.story.coordinator))
    play.run(2, "c")
    assert counts_agree(play) == {"failed": 2, "running": 1}
    found = catalog.read(lambda b: backfill_progress(b, play.id, most=1))
    assert found is not None
    assert ([s.partition_key for s in found.running], found.finished) == (["c"], 0)  # since it goes on
    [newest] = found.failures
    assert (newest.partition_key, newest.error, newest.notebook) == (HOSTILE, "other", "a.ipynb")
    assert catalog.read(lambda b: backfill_progress(b, "none")) is None


def test_the_monitor_follows_step_by_step(monitor: BackfillMonitor, play: Play, catalog: Catalog) -> None:
    page = Page(monitor)
    run_no = play.run(0, "a")
    page.wait_for(lambda m: counts_in(m) == {"running": 1, "planned": 2})
    play.end(0, run_no, RunStatus.FAILED, "no such file")
    failed = page.wait_for(lambda m: bool(m.get("payload", {}).get("failures")))
    assert failed["payload"]["failures"][0]["error"] == "no such file"
    catalog.write(lambda b: events.finish_backfill(b, play.number, "failed"))
    ended = page.wait_for(lambda m: m.get("payload", {}).get("status") == "failed")
    assert ended["payload"]["allowed"] == {"cancel": False, "retry_failed": 1, "resume": 2}


def test_several_viewers_see_the_same(monitor: BackfillMonitor, play: Play, catalog: Catalog) -> None:
    other = BackfillMonitor(catalog, FakeActions(), play.id)  # type: ignore[arg-type]
    pages = [Page(monitor), Page(other)]
    play.run(0, "a")
    for page in pages:
        page.wait_for(lambda m: counts_in(m) == {"running": 1, "planned": 2})
    other.close()


def test_buttons_answer_with_the_line_that_does_the_same(
    monitor: BackfillMonitor, play: Play, actions: FakeActions
) -> None:
    page = Page(monitor)
    answer = page.ask("cancel")
    assert answer["payload"] == {
        "backfill_id": play.id, "message": "asked", "code": f"ws.backfills[{play.id!r}].cancel()"
    }  # fmt: skip
    assert actions.asked == [f"cancel {play.id}"]
    assert page.ask("resume")["error"]["message"] == f"backfill {play.id} is running in process 7."


def test_after_a_retry_the_new_backfill_is_shown_with_a_way_back(
    monitor: BackfillMonitor, play: Play, actions: FakeActions
) -> None:
    actions.next_id = play.begin()[1]
    page = Page(monitor)
    assert page.ask("retry_failed")["payload"]["backfill_id"] == actions.next_id
    shown = page.wait_for(lambda m: m.get("payload", {}).get("id") == actions.next_id)
    assert shown["payload"]["previous_backfill_id"] == play.id
    assert page.ask("show", {"backfill_id": play.id})["ok"]
    assert monitor.backfill_id == play.id
    assert "no backfill" in page.ask("show", {"backfill_id": HOSTILE})["error"]["message"]


def test_dead_processes_are_checked_for_while_it_is_active(monitor: BackfillMonitor, actions: FakeActions) -> None:
    monitor._feed.poll_now()
    assert actions.looked.wait(10)


def test_a_backfill_that_is_not_there_is_refused(catalog: Catalog, actions: FakeActions) -> None:
    with pytest.raises(UnknownNameError, match=r"ws\.backfills"):
        BackfillMonitor(catalog, actions, "nothing")  # type: ignore[arg-type]
