"""Work that comes by itself, as methods of a workspace: looks of triggers, their ticks, and the watcher."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from nbpart.automation.evaluation import Evaluate
from nbpart.automation.evaluators import choose_evaluation
from nbpart.automation.sensor import Sensor
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.sensor_looks import evaluate_here
from nbpart.automation.ticks import Tick, list_ticks, run_tick
from nbpart.automation.triggers import Triggers
from nbpart.automation.watch_process import WatchProcess, start_watching
from nbpart.backfill.options import PER_PARTITION
from nbpart.catalog import TriggerRecord, events
from nbpart.project.project import Project
from nbpart.run.pruners import Pruner
from nbpart.states import TriggerKind

if TYPE_CHECKING:
    import pandas as pd

#: What opens a workspace in the child of a sensor.
OPENER = "nbpart.workspace.opening:open_for_reading"


class Automating:
    """The methods of a workspace about triggers: sensors, watched sources, schedules, automations of assets."""

    project: Project
    _sensors: dict[str, Sensor]

    @property
    def triggers(self) -> Triggers:
        """The triggers by name, as a live table: ``ws.triggers["inbox"].off()``, ``ws.triggers.frame``."""
        return Triggers(self.project, self.tick)

    def tick(  # noqa: PLR0913
        self,
        name: str,
        *,
        wait: bool = True,
        progress: bool = True,
        max_workers: int | None = None,
        retries: int | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        backoff_s: float | None = None,
        limits: Mapping[str, int] | None = None,
        keep_failed_kernels: int = 0,
        keep_kernels: int = 0,
        policy: str = PER_PARTITION,
        pruner: Pruner | None = None,
        stop_after: int | None = None,
        order: str | None = None,
        detach: bool = False,
        here: bool = False,
    ) -> Tick:
        """Look once with a trigger: add the keys that it found, run what it asks for; see `Plan.run` for the options.

        A sensor's function runs in a process of its own; with ``here`` in this kernel, to debug it. What ticks of dead
        processes requested is resumed first. Raises `UnknownNameError`, `TriggerFailedError`, ``here`` its own error.
        """
        return run_tick(
            self.project,
            name,
            evaluate=partial(self._choose_evaluation, here=here),
            options={
                "max_workers": max_workers,
                "retries": retries,
                "settings": settings,
                "secrets": secrets,
                "timeout_s": timeout_s,
                "backoff_s": backoff_s,
                "limits": limits,
                "keep_failed_kernels": keep_failed_kernels,
                "keep_kernels": keep_kernels,
                "policy": policy,
                "pruner": pruner,
                "stop_after": stop_after,
                "order": order,
            },
            wait=wait,
            progress=progress,
            detach=detach,
        )

    def ticks(self, name: str | None = None, limit: int | None = None) -> pd.DataFrame:
        """The looks of a trigger, or of all, newest first; ``limit`` is the number of rows.

        Columns: ``tick_id, trigger, happened_at, duration_s, outcome`` (asked, skipped or failed), ``added, removed``
        (numbers of keys), ``requested, dropped`` (numbers of backfills and of requests), ``backfills`` (their ids),
        ``message, error, traceback, printed``. Raises `UnknownNameError`.
        """
        return list_ticks(self.project, name, limit)

    def watch(self, *, max_workers: int | None = None, grace_s: float | None = None) -> WatchProcess:
        """Watch from now on: a process of its own looks with each trigger when it is due, and runs what they ask for.

        It goes on when this kernel ends, until ``watch().stop()`` or the end of the machine; where one watches already
        that is returned. All backfills that it starts share ``max_workers`` workers (default: the cores). Where it is
        told to end, steps that run may go on for ``grace_s`` seconds (default: to their end). `nbpart watch` does the
        same in a terminal. Raises `UntrustedWorkspaceError`, and `WorkspaceError` where it could not begin.
        """
        return start_watching(self.project, self.triggers, {"max-workers": max_workers, "grace": grace_s})

    def remove_hook(self, name: str) -> None:
        """Call a hook no more. Raises `UnknownNameError`."""
        self.project.catalog.write(lambda batch: events.remove_hook(batch, name))

    def _choose_evaluation(self, trigger: TriggerRecord, *, here: bool) -> Evaluate:
        if here and trigger.kind == TriggerKind.SENSOR:
            return partial(evaluate_here, self._sensors.get(trigger.name), self)
        return choose_evaluation(trigger, SensorChildren(OPENER, forks=False))
