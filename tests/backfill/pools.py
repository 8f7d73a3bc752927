"""A pool that starts no kernel: what each run comes to is said by the test."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nbpart.run.check_result import CheckResult, CheckSpec
from nbpart.run.report import RunReport
from nbpart.run.spec import Member, RunSpec
from nbpart.states import RunStatus
from nbpart.storage import FileRecord
from nbpart.storage.store import publish_bytes


@dataclass(frozen=True)
class Logged:
    """A run that came to its end, or was told to end early, with what it logged."""

    metrics: Mapping[str, Any]
    stopped_early: bool = False


#: What a run comes to: data as text, what it logged, an exception, or None to let it run until the test ends it.
Outcome = str | Logged | Exception
Answer = Callable[[RunSpec], Outcome | None]


def succeed(spec: RunSpec) -> str:
    return f"{spec.asset} of {spec.partition_key}"


@dataclass
class Stage:
    """Where the runs of all pools of a test are played."""

    answer: Answer = succeed
    judge: Callable[[RunSpec, CheckSpec], bool] = lambda spec, check: True
    answer_member: Callable[[Member], str | Exception] = lambda member: f"bulk of {member.partition_key}"
    started: list[RunSpec] = field(default_factory=list)
    pools: list[ScriptedPool] = field(default_factory=list)

    def make_pool(self, max_workers: int, on_start: Callable[[RunSpec], None]) -> ScriptedPool:
        self.pools.append(ScriptedPool(self, max_workers, on_start))
        return self.pools[-1]

    def names(self) -> list[tuple[str, str | None]]:
        """Asset and key of each run in the order of their start."""
        return [(spec.asset, spec.partition_key) for spec in self.started]


class ScriptedPool:
    """Plays runs in the thread that submits them, or in the one that ends another."""

    def __init__(self, stage: Stage, max_workers: int, on_start: Callable[[RunSpec], None]) -> None:
        self._stage, self._max_workers, self._on_start = stage, max_workers, on_start
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[RunSpec] = deque()
        self.running: dict[str, RunSpec] = {}
        self._results: deque[RunReport] = deque()
        self.most_at_once = 0
        self.is_closed = False

    @property
    def max_workers(self) -> int:
        return self._max_workers

    def submit(self, spec: RunSpec) -> None:
        with self._changed:
            self._waiting.append(spec)
            self._start_waiting()

    def next_results(self, timeout_s: float | None = None) -> list[RunReport]:
        with self._changed:
            if not self._results and (self.running or self._waiting):
                self._changed.wait(timeout_s)
            results = list(self._results)
            self._results.clear()
            return results

    def end(self, spec: RunSpec, outcome: Outcome, took_s: float = 0.0) -> None:
        """Let a run that goes on come to its end."""
        result = make_result(spec, outcome, self._stage)
        result = replace(result, started_at=result.started_at - timedelta(seconds=took_s))
        with self._changed:
            del self.running[spec.run_id]
            self._results.append(result)
            self._start_waiting()
            self._changed.notify_all()

    def cancel(self, run_id: str) -> None:
        with self._changed:
            for spec in [s for s in self.running.values() if s.run_id == run_id]:
                self.end(spec, Cancelled())

    def cancel_all(self) -> None:
        with self._changed:
            waiting, self._waiting = self._waiting, deque()
            self._results.extend(make_result(spec, Cancelled(), self._stage) for spec in waiting)
            for spec in list(self.running.values()):
                self.end(spec, Cancelled())
            self._changed.notify_all()

    def cancel_waiting(self) -> None:
        with self._changed:
            waiting, self._waiting = self._waiting, deque()
            self._results.extend(make_result(spec, Cancelled(), self._stage) for spec in waiting)
            self._changed.notify_all()

    def close(self) -> None:
        self.cancel_all()
        self.is_closed = True

    def _start_waiting(self) -> None:
        while self._waiting and len(self.running) < self._max_workers:
            spec = self._waiting.popleft()
            self.running[spec.run_id] = spec
            self.most_at_once = max(self.most_at_once, len(self.running))
            self._stage.started.append(spec)
            self._on_start(spec)
            if (outcome := self._stage.answer(spec)) is not None:
                self.end(spec, outcome)


class Cancelled(Exception):
    """What a cancelled run comes to."""


def make_result(spec: RunSpec, outcome: Outcome, stage: Stage) -> RunReport:
    now = datetime.now(UTC)
    members = {m.run_no: make_result(spec.of_member(m), stage.answer_member(m), stage) for m in spec.members}
    if members:
        return replace(make_result(replace(spec, members=()), outcome, stage), members=members)
    common: dict[str, Any] = {
        "run_no": spec.run_no, "run_id": spec.run_id, "partition_key": spec.partition_key, "attempt": spec.attempt,
        "started_at": now, "finished_at": now,
    }  # fmt: skip
    if isinstance(outcome, Exception):
        status = RunStatus.CANCELLED if isinstance(outcome, Cancelled) else RunStatus.FAILED
        name, message = type(outcome).__name__, str(outcome)
        return RunReport(**common, status=status, duration_s=0.1, error_class=name, error_message=message)
    passed = {check: stage.judge(spec, check) for check in spec.checks}
    checks = tuple(
        CheckResult(check.name, check.version, is_good, None if is_good else "ValueError: bad")
        for check, is_good in passed.items()
    )
    if spec.judged is not None:
        return RunReport(**common, status=RunStatus.SUCCEEDED, duration_s=0.1, files=spec.judged, checks=checks)
    logged = outcome if isinstance(outcome, Logged) else Logged({})
    text = str(dict(logged.metrics)) if isinstance(outcome, Logged) else outcome
    common |= {"metrics": logged.metrics, "stopped_early": logged.stopped_early}
    path, content = f"{spec.data_prefix}.txt", text.encode()
    publish_bytes(spec.store, path, content)
    version = hashlib.sha256(content).hexdigest()
    file = FileRecord("", "file", "text", path, None, len(content), version, None)
    return RunReport(**common, status=RunStatus.SUCCEEDED, duration_s=0.1, files=(file,), checks=checks)
