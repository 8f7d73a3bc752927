"""The watcher: looks with each trigger when it is due, records what they ask for, and runs it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from nbpart.automation.automation_ticks import look_together
from nbpart.automation.due import LastLook, find_next_look
from nbpart.automation.evaluators import choose_evaluation
from nbpart.automation.hook import HookEvent
from nbpart.automation.hooks import (
    FAILURE,
    LATE,
    HookTold,
    describe_failed_backfill,
    describe_failed_tick,
    describe_late,
    record_told_backfill,
    tell_hooks,
)
from nbpart.automation.idle_looks import IdleLooks
from nbpart.automation.lateness import take_newly_late
from nbpart.automation.latest_looks import remove_latest_looks, summarize_looks, write_latest_looks
from nbpart.automation.recording import RecordedDemand, RequestedBackfill
from nbpart.automation.sensor_children import LookEndedError, SensorChildren
from nbpart.automation.ticks import look
from nbpart.automation.wake_up import Wakeups
from nbpart.automation.watched_source import find_folder
from nbpart.automation.watching import BEAT_EVERY_S, HeldWatch
from nbpart.backfill.runner import Runner
from nbpart.catalog import TickRecord, TriggerRecord, queries
from nbpart.errors import NbpartError
from nbpart.project.project import Project
from nbpart.project.refresh import register_edited_code
from nbpart.project.requests import start_requested_backfill
from nbpart.project.resume import resume_unfinished_requests
from nbpart.run.shared_pool import SharedPool
from nbpart.states import TickOutcome, TriggerKind

log = logging.getLogger("nbpart")

#: So many triggers look at a time.
_MOST_LOOKS = 16
#: The longest pause between two turns, in seconds: so late is a change of the catalog noticed.
_TURN_S = 0.5
#: How often ticks that asked for nothing are recorded, edited code is looked for, and what was left is resumed.
_FLUSH_EVERY_S, _SCAN_EVERY_S, _RESUME_EVERY_S = 60.0, 10.0, 30.0
#: How often what became late is looked for, in seconds.
_LATE_EVERY_S = 30.0
#: So often at most others are shown the latest looks, in seconds.
_SHOW_EVERY_S = 2.0
#: The process that forks kernels ends when nothing has run for so long, in seconds.
_KERNELS_IDLE_S = 120.0


@dataclass(frozen=True)
class LookDone:
    """A look that is over, for who reports it: what was recorded of it, or its error."""

    trigger: TriggerRecord
    recorded: RecordedDemand | None
    tick: TickRecord | None
    error: BaseException | None = None


class Watcher:
    """Watches a workspace from `run` until it is told to stop.

    ``report`` is called with each look that did something or failed, ``report_end`` with the id of each backfill that
    ended, ``report_hook`` with each hook that was told of something. All backfills that it starts share ``max_workers``
    workers.
    """

    def __init__(
        self,
        project: Project,
        children: SensorChildren,
        *,
        max_workers: int,
        report: Callable[[LookDone], None] = lambda done: None,
        report_end: Callable[[str], None] = lambda backfill_id: None,
        report_hook: Callable[[HookTold], None] = lambda told: None,
        log_file: str = "",
    ) -> None:
        self._project, self._children, self._log_file = project, children, log_file
        self._report, self._report_end, self._report_hook = report, report_end, report_hook
        self._options: Mapping[str, Any] = {"max_workers": max_workers}
        self._pool = SharedPool(max_workers)
        project.make_pool = lambda _, on_start: self._pool.share(on_start)
        self._looks = ThreadPoolExecutor(_MOST_LOOKS, "nbpart look")
        self._starts = ThreadPoolExecutor(1, "nbpart plan")
        self._wake = threading.Event()
        self._idle = IdleLooks()
        self._looking: dict[int, Future[None]] = {}
        self._last: dict[int, LastLook] = {}
        self._has_news = False  # for the file of the latest looks
        self._triggers: list[TriggerRecord] = []
        self._sequence = -1
        self._done_at: dict[str, float] = {}
        self._runners: dict[str, Runner] = {}
        self._folders: dict[str, str] = {}  # of watched sources, by name
        self._woken: set[str] = set()
        self._wakeups = Wakeups(())
        self._telling: list[Future[None]] = []

    def run(self, stop: threading.Event, grace_s: float | None = None) -> None:
        """Watch until ``stop`` is set, then end after the steps that run, or after ``grace_s`` seconds.

        Raises `WatchedError` where another process watches, and `UntrustedWorkspaceError`.
        """
        self._project.check_trust()
        watch = HeldWatch(self._project.catalog.path, self._now(), self._log_file)
        try:
            self._load_last()
            while not stop.is_set():
                self._turn(watch)
                self._sleep()
        finally:
            self._end(watch, grace_s)
            watch.close()

    def look_once(self) -> list[LookDone]:
        """Look once with each trigger that is on, and run what they ask for to its end. Returns the looks."""
        self._project.check_trust()
        watch = HeldWatch(self._project.catalog.path, self._now(), self._log_file)
        done: list[LookDone] = []
        self._report = partial(_report_and_keep, self._report, done)
        try:
            self._load_last()
            self._resume()
            register_edited_code(self._project)
            triggers = self._load_triggers()
            for trigger in triggers:
                if trigger.kind is not TriggerKind.AUTOMATION:
                    self._begin_look(trigger)
            for future in list(self._looking.values()):
                future.result()
            # they see what the others found
            self._begin_together([one for one in triggers if one.kind is TriggerKind.AUTOMATION])
            for future in list(self._looking.values()):
                future.result()
            self._starts.submit(lambda: None).result()  # what they ask for is begun
            for runner in list(self._runners.values()):
                while not runner.wait(_TURN_S):
                    self._beat(watch)
            self._tell_later(self._tell_of_late)
        finally:
            self._end(watch, None)
            watch.close()
        return done

    def wake(self) -> None:
        """Make the next turn come at once."""
        self._wake.set()

    def _now(self) -> datetime:
        return self._project.catalog.clock()

    def _turn(self, watch: HeldWatch) -> None:
        """Do what is due."""
        try:
            self._beat(watch)
            self._refresh()
            now, sequence = self._now(), self._project.catalog.sequence()
            due = [one for one in self._triggers if self._is_due(one, sequence, now)]
            for trigger in due:
                if trigger.kind is not TriggerKind.AUTOMATION:
                    self._begin_look(trigger)
            self._begin_together([one for one in due if one.kind is TriggerKind.AUTOMATION])
            self._settle()
            self._pool.release_kernels(_KERNELS_IDLE_S)
            if self._is_time("late", _LATE_EVERY_S):
                self._tell_later(self._tell_of_late)
            if self._is_time("flush", _FLUSH_EVERY_S):
                self._idle.record(self._project.catalog)
            if self._has_news and self._is_time("show looks", _SHOW_EVERY_S):
                self._show_looks(watch)
        except Exception as error:  # noqa: BLE001 - the next turn may come through
            log.warning("the watcher goes on after %s: %s", type(error).__name__, error)

    def _sleep(self) -> None:
        """Wait until the next turn; a source in whose folder something happened looks in that, due or not."""
        self._wake.wait(_TURN_S)
        self._wake.clear()
        touched = self._wakeups.wait(0.0)
        for name, folder in self._folders.items():
            if folder in touched:
                self._woken.add(name)

    def _watch_folders(self) -> None:
        """Have events of the local folders of watched sources wake this up."""
        registry = self._project.registry()
        names = [one.name for one in self._triggers if one.kind is TriggerKind.SOURCE and one.name in registry.nodes]
        found = {name: find_folder(registry[name]) for name in names}
        folders = {name: os.path.abspath(folder) for name, folder in found.items() if folder is not None}
        if folders != self._folders:
            self._wakeups.close()
            self._folders, self._wakeups = folders, Wakeups(folders.values())

    def _is_due(self, trigger: TriggerRecord, sequence: int, now: datetime) -> bool:
        if trigger.trigger_id in self._looking:
            return False
        if trigger.name in self._woken:
            self._woken.discard(trigger.name)
            return True
        return find_next_look(trigger, self._last.get(trigger.trigger_id), sequence, now) <= now

    def _refresh(self) -> None:
        """Take up what changed: triggers that were declared, code that was edited, windows that ended, what is left."""
        if self._is_time("scan", _SCAN_EVERY_S):
            self._project.catalog.read(lambda batch: None)  # it adds the windows that have ended
            register_edited_code(self._project)
        sequence = self._project.catalog.sequence()
        if sequence != self._sequence:
            self._triggers = self._load_triggers()
            self._sequence, self._has_news = sequence, True
            self._watch_folders()
        if self._is_time("resume", _RESUME_EVERY_S):
            self._starts.submit(self._resume)

    def _load_triggers(self) -> list[TriggerRecord]:
        return [one for one in self._project.catalog.read(queries.load_triggers) if one.is_on]

    def _load_last(self) -> None:
        """When each trigger looked last, whoever watched then."""
        for row in self._project.catalog.read(queries.last_ticks).itertuples():
            self._last[int(row.trigger_id)] = LastLook(row.happened_at.to_pydatetime(), int(row.failures))

    def _begin_look(self, trigger: TriggerRecord) -> None:
        future: Future[None] = Future()
        self._looking[trigger.trigger_id] = future
        self._looks.submit(self._look, trigger, future)

    def _look(self, trigger: TriggerRecord, future: Future[None]) -> None:
        """Look with a trigger, in a thread of its own."""
        sequence, at = self._project.catalog.sequence(), self._now()
        failures, again_at = 0, None
        try:
            evaluate = choose_evaluation(trigger, self._children)
            recorded, demand, tick = look(self._project, trigger, evaluate, self._options, self._idle.keep)
            if demand.again_in_s is not None:
                again_at = self._now() + timedelta(seconds=demand.again_in_s)
            self._begin_backfills(recorded.backfills)
            if recorded.outcome is TickOutcome.ASKED:
                self._report(LookDone(trigger, recorded, tick))
        except LookEndedError:
            log.debug("a look of %s was ended with the watcher", trigger.name)
        except Exception as error:  # noqa: BLE001 - a trigger's error is in its tick, and stops no other
            failures = self._count_failures(trigger, error)
        finally:
            self._last[trigger.trigger_id] = LastLook(at, failures, sequence, again_at)
            self._looking.pop(trigger.trigger_id, None)
            self._has_news = True
            future.set_result(None)
            self._wake.set()

    def _begin_together(self, triggers: Sequence[TriggerRecord]) -> None:
        """Look with automations, all in one tick: what one asks for counts as there for the next."""
        if not triggers:
            return
        future: Future[None] = Future()
        self._looking |= {trigger.trigger_id: future for trigger in triggers}
        self._looks.submit(self._look_together, triggers, future)

    def _look_together(self, triggers: Sequence[TriggerRecord], future: Future[None]) -> None:
        sequence, at = self._project.catalog.sequence(), self._now()
        errors: Mapping[int, BaseException] = {}
        try:
            newer = self._idle.find_cursors(triggers)
            done = look_together(self._project, triggers, self._options, newer, keeps_idle=True)
            errors = done.errors
            for tick, trigger, cursor in done.idle:
                self._idle.keep(tick)
                if cursor is not None:
                    self._idle.keep_cursor(trigger, cursor)
            for trigger, recorded, tick in done.asked:
                self._idle.drop_cursor(trigger.trigger_id)
                if recorded.outcome is TickOutcome.ASKED:
                    self._report(LookDone(trigger, recorded, tick))
            self._begin_backfills(done.backfills)
        except Exception as error:  # noqa: BLE001 - it stops no other trigger, and is tried again
            errors = {trigger.trigger_id: error for trigger in triggers}
        finally:
            for trigger in triggers:
                failures = self._count_failures(trigger, errors.get(trigger.trigger_id))
                self._last[trigger.trigger_id] = LastLook(at, failures, sequence)
                self._looking.pop(trigger.trigger_id, None)
            self._has_news = True
            future.set_result(None)
            self._wake.set()

    def _count_failures(self, trigger: TriggerRecord, error: BaseException | None) -> int:
        """How many looks in a row failed, up to this one; its hooks are told when they begin to."""
        if error is None:
            return 0
        before = self._last.get(trigger.trigger_id)
        failures = 1 + (before.failures if before else 0)
        if failures == 1:
            self._tell(FAILURE, describe_failed_tick(self._project, trigger, error))
        self._report(LookDone(trigger, None, None, error))
        return failures

    def _begin_backfills(self, requests: Iterable[RequestedBackfill]) -> None:
        """Plan and start backfills, one after the other in a thread; once this ends they are left to the next one."""
        for request in requests:
            with contextlib.suppress(RuntimeError):  # it ends, and takes no more
                self._starts.submit(self._start, request)

    def _start(self, request: RequestedBackfill) -> None:
        try:
            start_requested_backfill(self._project, request.backfill_id, request.options)
            self._keep_runner(request.backfill_id)
        except Exception as error:  # noqa: BLE001 - it stays requested, and is tried again
            log.warning("backfill %s was asked for and could not begin: %s", request.backfill_id, error)

    def _settle(self) -> None:
        """Report the backfills that have ended."""
        for backfill_id, runner in list(self._runners.items()):
            if runner.has_ended:
                del self._runners[backfill_id]
                self._report_end(backfill_id)
                self._tell_later(partial(self._tell_of_backfill, backfill_id))

    def _resume(self) -> None:
        try:
            for backfill_id in resume_unfinished_requests(self._project, {}):
                self._keep_runner(backfill_id)
        except Exception as error:  # noqa: BLE001 - it is tried again
            log.warning("what was asked for before could not be resumed: %s", error)

    def _keep_runner(self, backfill_id: str) -> None:
        if (runner := self._project.runners.get(backfill_id)) is not None:
            self._runners[backfill_id] = runner

    def _tell_later(self, tell: Callable[[], None]) -> None:
        """Tell hooks of something in a thread; an end waits for it."""

        def work() -> None:
            try:
                tell()
            except Exception as error:  # noqa: BLE001 - it stops nothing
                log.warning("hooks could not be told: %s: %s", type(error).__name__, error)

        self._telling = [one for one in self._telling if not one.done()]
        self._telling.append(self._looks.submit(work))

    def _tell_of_backfill(self, backfill_id: str) -> None:
        event = describe_failed_backfill(self._project, backfill_id)
        if event is not None and self._tell(FAILURE, event):
            record_told_backfill(self._project, event)

    def _tell_of_late(self) -> None:
        if found := take_newly_late(self._project):
            event = describe_late(self._project, found)
            log.warning("%s", event)
            self._tell(LATE, event)

    def _tell(self, kind: str, event: HookEvent) -> bool:
        """Tell hooks of an event. Returns whether they could be told."""
        try:
            for told in tell_hooks(self._project, self._children, kind, event):
                self._report_hook(told)
        except LookEndedError:
            log.warning("the watcher ended before its hooks were told of %s", event)
            return False
        return True

    def _show_looks(self, watch: HeldWatch) -> None:
        """Show others the newest looks, of which some are not recorded yet, and when the next ones are due."""
        self._has_news = False
        sequence, now = self._project.catalog.sequence(), self._now()
        idle = self._idle.list_by_trigger()
        latest = {}
        for trigger in self._triggers:
            if (last := self._last.get(trigger.trigger_id)) is not None:
                next_at = find_next_look(trigger, last, sequence, now)
                latest[trigger.trigger_id] = summarize_looks(next_at, idle.get(trigger.trigger_id, ()))
        try:
            write_latest_looks(self._project.catalog.path, watch.note, latest)
        except NbpartError as error:
            log.debug("the latest looks are not shown: %s", error)

    def _beat(self, watch: HeldWatch) -> None:
        if self._is_time("beat", BEAT_EVERY_S):
            watch.beat(self._now())

    def _is_time(self, what: str, every_s: float) -> bool:
        """Whether something was not done for so many seconds; from now on it was."""
        now = time.monotonic()
        if now - self._done_at.get(what, float("-inf")) < every_s:
            return False
        self._done_at[what] = now
        return True

    def _end(self, watch: HeldWatch, grace_s: float | None) -> None:
        """End: runs that have begun end within ``grace_s`` seconds, the rest is left, and no trigger looks any more."""
        with contextlib.suppress(OSError):  # it ends all the same
            watch.beat(self._now(), is_ending=True)
        self._wakeups.close()
        self._starts.shutdown(cancel_futures=True)
        runners = list(self._runners.values())
        for runner in runners:
            runner.drain()
        end = float("inf") if grace_s is None else time.monotonic() + grace_s
        while running := [runner for runner in runners if not runner.has_ended]:
            self._beat(watch)  # it is there, and others are told so
            for runner in running if time.monotonic() >= end else ():
                runner.interrupt()
            running[0].wait(min(_TURN_S, max(0.0, end - time.monotonic())) or _TURN_S)
        self._settle()
        for future in self._telling:
            future.result()
        self._pool.close()
        self._children.close()
        self._looks.shutdown(cancel_futures=True)
        try:
            self._idle.record(self._project.catalog)
        except NbpartError as error:
            log.warning("%d looks that asked for nothing could not be recorded: %s", len(self._idle), error)
        remove_latest_looks(self._project.catalog.path)


def _report_and_keep(report: Callable[[LookDone], None], kept: list[LookDone], done: LookDone) -> None:
    kept.append(done)
    report(done)
