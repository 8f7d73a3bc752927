"""Runs as they are recorded: one with all its fields, many as a frame, and the kernels that runs kept."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.asset import name_of
from nbpart.backfill.kept_kernels import find_kept_kernels
from nbpart.backfill.registry import spell_key
from nbpart.catalog import Batch, RunRecord, queries
from nbpart.catalog.conditions import choose_where
from nbpart.errors import (
    DeclarationError,
    MissingInputError,
    ParameterError,
    PartitionKeyError,
    RunFailedError,
    UnknownNameError,
    make_run_error,
)
from nbpart.partitions import PartitionRef
from nbpart.partitions.filters import read_condition
from nbpart.partitions.key_values import key_parameters
from nbpart.project.diff import Diff, load_side
from nbpart.project.launch import find_backfill
from nbpart.project.person import name_person
from nbpart.project.project import Project
from nbpart.run.curves import load_curves
from nbpart.run.kernels.kept_kernel import KeptKernel
from nbpart.run.spec import decode_value, encode_value
from nbpart.states import RunStatus
from nbpart.storage import place_curves, place_data, place_run, place_stop_request, write_bytes_atomic
from nbpart.storage.own_files import find_own, make_folder

if TYPE_CHECKING:
    import pandas as pd


log = logging.getLogger("nbpart")

#: What is said of a run that was asked to end early and has not asked whether it should.
NOBODY_ASKS = "has not asked run.should_stop() yet: it goes on until it does, or is cancelled"


class Run:
    """What is recorded of one run. It does not change with the run: ``ws.get_run`` reads it again."""

    def __init__(self, project: Project, record: RunRecord) -> None:
        self._project, self._root, self._record = project, project.root, record

    @property
    def run_id(self) -> str:
        return self._record.run_id

    @property
    def asset(self) -> str:
        return self._record.asset

    @property
    def partition_key(self) -> str | None:
        """The key of its partition; None for an asset without partitions."""
        return self._record.partition_key

    @property
    def status(self) -> str:
        """``queued``, ``running``, ``succeeded``, ``failed``, ``cancelled`` or ``interrupted``."""
        return str(self._record.status)

    @property
    def attempt(self) -> int:
        """The number of its last attempt, from 1."""
        return self._record.attempt

    @property
    def backfill_id(self) -> str | None:
        """The backfill that it belongs to; None for a recorded manual run."""
        return self._record.backfill_id

    @property
    def started_at(self) -> datetime | None:
        """When its last attempt began, in UTC."""
        return self._record.started_at

    @property
    def finished_at(self) -> datetime | None:
        """When its last attempt ended, in UTC."""
        return self._record.finished_at

    @property
    def duration_s(self) -> float | None:
        """How long its last attempt took, in seconds."""
        return self._record.duration_s

    @property
    def code_version(self) -> str | None:
        """The version of the code that it executed."""
        return self._record.code_version

    @property
    def params(self) -> dict[str, Any]:
        """The typed parameters of its partition by name; empty where they no longer fit those the set declares."""
        record = self._record
        try:
            return key_parameters(record.partitions, record.partition_key)
        except (ParameterError, PartitionKeyError):
            return {}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that its backfill gave it, by name."""
        return {name: decode_value(value) for name, value in self._record.settings.items()}

    @property
    def missing(self) -> dict[str, list[str]]:
        """The partitions that it ran without, as they had no data: input -> keys."""
        return {name: list(keys) for name, keys in self._record.missing_inputs.items()}

    @property
    def notebook(self) -> Path | None:
        """The executed notebook of its last attempt; None before there is one."""
        return self._path(self._record.notebook)

    @property
    def log_path(self) -> Path | None:
        """The file with what its last attempt wrote to stdout and stderr; None before there is one."""
        return self._path(self._record.log)

    @property
    def log(self) -> str:
        """What its last attempt wrote to stdout and stderr; "" where it wrote nothing or the file is gone."""
        path = self.log_path
        return path.read_text(errors="replace") if path and path.exists() else ""

    @property
    def curves(self) -> pd.DataFrame:
        """What its last attempt logged step by step, so far: ``metric, series, step, at`` (UTC) and ``value``.

        In the order in which it was logged; ``series`` counts up where the step of a metric goes back. No row where it
        logged nothing with a step, or its files were pruned.
        """
        import pandas as pd

        path = place_curves(self._data_prefix)
        frame = load_curves(find_own(self._root, path, f"run {self.run_id}")).table.to_pandas()
        frame["at"] = pd.to_datetime((frame["at"] * 1000).round().astype("int64"), unit="ms", utc=True)
        return frame

    @property
    def stopped_early(self) -> bool:
        """Whether it was told to end early, and did; `note` says why."""
        return self._record.stopped_early

    @property
    def error(self) -> str | None:
        """``Class: message`` of the exception that ended it; None without one."""
        record = self._record
        if record.error_class is None:
            return None
        return f"{record.error_class}: {record.error_message}" if record.error_message else record.error_class

    @property
    def error_cell(self) -> int | None:
        """The index, from 0, of the cell in its executed notebook that raised."""
        return self._record.error_cell

    @property
    def traceback(self) -> str:
        """The traceback of the exception that ended it; "" without one."""
        return self._record.traceback or ""

    @property
    def exit_code(self) -> int | None:
        """The exit code of a kernel that died; negative for a signal."""
        return self._record.exit_code

    @property
    def kernel_kind(self) -> str | None:
        """How its kernel was started: ``prewarmed`` (forked), ``spare`` (started ahead), ``stock``; None if unknown."""
        return self._record.kernel_kind

    @property
    def cpu_s(self) -> float | None:
        """Seconds of processor time that its kernel used."""
        return self._record.cpu_s

    @property
    def peak_rss_bytes(self) -> int | None:
        """The peak resident memory of its kernel, in bytes."""
        return self._record.peak_rss_bytes

    @property
    def note(self) -> str | None:
        """A remark on how it ended though it succeeded, for instance that a cell called ``sys.exit()``."""
        return self._record.note

    @property
    def process(self) -> str | None:
        """The coordinating process that ran it, as text: ``process 123 on host``."""
        return self._record.process

    def stop(self) -> None:
        """Ask the run to end early, as it does where it asks ``run.should_stop()``; returns at once.

        It then ends with what it has, materialized and marked ``stopped_early``; `Backfill.cancel` ends it without. A
        warning is logged where it has not asked so far. Raises `DeclarationError` for a run that does not run.
        """
        if not self.ask_to_stop():
            log.warning("%s %s.", self._label, NOBODY_ASKS)

    def ask_to_stop(self) -> bool:
        """As `stop`, but return whether the run has asked ``run.should_stop()`` so far."""
        request, curves = place_stop_request(self._data_prefix), place_curves(self._data_prefix)
        place, logged = (find_own(self._root, path, f"run {self.run_id}") for path in (request, curves))
        asked = place.with_name(f"{place.name}.asked")
        # that it began is recorded some tenths of a second later than a page can show what it logs
        has_begun = self.status == RunStatus.QUEUED and (logged.exists() or asked.exists())
        if self.status != RunStatus.RUNNING and not has_begun:
            raise DeclarationError(
                f"run {self.run_id} of {self._label} is {self.status}: only what runs can be stopped."
            )
        make_folder(self._root, place.parent)
        write_bytes_atomic(place, name_person().encode("utf-8", "replace"))
        return asked.exists()

    def diff(self, other: Run) -> Diff:
        """Where another run differs from this one; see `nbpart.diff`."""
        return Diff(load_side(self._project, self._record), load_side(other._project, other._record))

    def kernel(self) -> KeptKernel:
        """The kernel that this run left alive, to inspect it, execute code in it, and shut it down.

        Raises `MissingInputError` where none was kept or it has ended, and `UntrustedWorkspaceError` in a workspace
        that is not trusted: a file in it says which process to connect to.
        """
        if self._record.kept_kernel is None:
            raise MissingInputError(
                f"run {self.run_id} ({self.status}) left no kernel; "
                "ws.backfill(..., keep_failed_kernels=1) keeps that of a run that fails, keep_kernels=1 that of any."
            )
        self._project.check_trust()
        name = Path(self._record.kept_kernel).name
        return KeptKernel(find_own(self._root, f"runs/_kernels/{name}", f"run {self.run_id}"))

    def to_error(self) -> RunFailedError:
        """The exception to raise for this run's failure; a subclass of what the notebook raised if that is builtin."""
        record = self._record
        label = PartitionRef(record.asset, record.partition_key).label
        return make_run_error(
            f"{label} {record.status}: {self.error or 'no error was recorded'} (its notebook: {self.notebook})",
            run_id=record.run_id,
            asset=record.asset,
            partition_key=record.partition_key,
            error_class=record.error_class or "",
            error_message=record.error_message or "",
            traceback=self.traceback,
        )

    def to_json(self) -> dict[str, Any]:
        """Its fields as values that JSON has; times and paths are text."""
        names = (
            "run_id", "asset", "partition_key", "status", "attempt", "backfill_id", "started_at", "finished_at",
            "duration_s", "code_version", "missing", "error", "error_cell", "traceback", "exit_code",
            "kernel_kind", "cpu_s", "peak_rss_bytes", "process", "note", "stopped_early",
        )  # fmt: skip
        fields = {name: getattr(self, name) for name in names}
        # as recorded: dates are no JSON
        fields |= {
            "params": encode_value(self.params),
            "settings": dict(self._record.settings),
            "notebook": self.notebook,
            "log": self.log_path,
        }
        return {k: str(v) if isinstance(v, datetime | Path) else v for k, v in fields.items()}

    def __repr__(self) -> str:
        label = self._label
        error = f": {self.error}" if self.error else ""
        return f"<Run {self.run_id} of {label} {self.status}{error}>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.run_html import run_html

        record = self._record
        facts = {
            "run": f"{self.run_id}, attempt {self.attempt}",
            "took": "" if record.duration_s is None else f"{record.duration_s:.1f} s",
            "settings": ", ".join(f"{name}={value!r}" for name, value in self.settings.items()),
            "note": self.note or "",
            "error": self.error or "",
        }
        return run_html(self._label, self.status, facts, self.notebook, self.traceback)

    @property
    def _label(self) -> str:
        return PartitionRef(self.asset, self.partition_key).label

    @property
    def _data_prefix(self) -> str:
        """What the paths of its data files begin with."""
        return place_data(place_run(PartitionRef(self.asset, self.partition_key), self.run_id, max(self.attempt, 1)))

    def _path(self, relative: str | None) -> Path | None:
        return find_own(self._root, relative, f"run {self.run_id}") if relative else None


def find_run(project: Project, run_id: str) -> RunRecord:
    """The record of a run. Raises `UnknownNameError`."""
    record = project.read(lambda batch: queries.find_run(batch, run_id))
    if record is None:
        raise UnknownNameError(f"there is no run {run_id!r}; ws.runs() lists them.")
    return record


def get_run(project: Project, run_id: str) -> Run:
    """The run with that id. Raises `UnknownNameError`."""
    return Run(project, find_run(project, run_id))


def diff(a: Run, b: Run) -> Diff:
    """Where two runs differ: parameters, settings, code, metrics, data, how they ended; as a frame, and as a page.

    Of partitions `Board.diff` compares the runs that made them. Nothing that would run code is loaded. Raises
    `DeclarationError` for what is no run.
    """
    for one in (a, b):
        if not isinstance(one, Run):
            raise DeclarationError(
                f"nbpart.diff compares two runs, as ws.get_run(run_id) gives them, not {one!r:.60}; "
                "ws.compare(asset).diff(key, key) compares two partitions."
            )
    return a.diff(b)


def list_runs(
    project: Project, asset: Any, partition_key: Any, backfill: Any, limit: int | None, where: Any = None
) -> pd.DataFrame:
    """Runs, newest first; see `Workspace.runs`. ``backfill`` is a backfill or its id."""
    node = None if asset is None else project.registry()[name_of(asset)]
    if partition_key is not None and node is None:
        raise DeclarationError("runs of a partition_key need the asset too: ws.runs(asset=..., partition_key=...).")
    condition = None if where is None else read_condition(where)
    if condition is not None and node is None:
        raise DeclarationError("where= is asked of the partitions of an asset: ws.runs(asset=..., where=...).")
    key = spell_key(node, partition_key) if node and partition_key is not None else None

    def work(batch: Batch) -> pd.DataFrame:
        ids = None
        if node and key is not None:
            key_id = queries.find_key(batch, node.asset_id, key)
            ids = np.array([] if key_id is None else [key_id], dtype=np.int64)
        if node and condition is not None:
            asked = choose_where(batch, node.asset_id, condition, node.name).key_ids
            assert asked is not None, "a column that is not there is an error"
            ids = asked if ids is None else np.intersect1d(ids, asked)
        backfill_no = None if backfill is None else find_backfill(batch, getattr(backfill, "id", backfill)).backfill_no
        asset_id = node.asset_id if node else None
        return queries.runs_frame(batch, asset_id, ids, backfill_no, limit)

    return project.read(work)


def list_kept_kernels(project: Project) -> pd.DataFrame:
    """The live kernels that runs left, one a row: ``run_id, asset, partition_key, pid, expires_at`` (UTC)."""
    import pandas as pd

    kept = [(get_run(project, run_id), kernel) for run_id, kernel in find_kept_kernels(project.root)]
    rows = [
        (run.run_id, run.asset, run.partition_key, kernel.pid, pd.Timestamp(kernel.expires_at, unit="s", tz="UTC"))
        for run, kernel in kept
    ]
    return pd.DataFrame(rows, columns=["run_id", "asset", "partition_key", "pid", "expires_at"])
