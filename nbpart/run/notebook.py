"""Executing one attempt of a run: papermill executes its notebook, and a report says what happened."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.assets.nbformat_import import load_nbformat
from nbpart.errors import MissingInputError
from nbpart.run.crashes import explain_crash
from nbpart.run.curve_files import keep_curves
from nbpart.run.environment_writes import find_set_variables
from nbpart.run.injected_notebook import load_injected_notebook
from nbpart.run.interrupts import call_interruptibly
from nbpart.run.kernels.forked_kernel import PrewarmError
from nbpart.run.kernels.imports import Imports
from nbpart.run.members import add_member_reports
from nbpart.run.modules import MARK_VARIABLE, RUN_VARIABLE, SPEC_VARIABLE, STARTUP_LINE
from nbpart.run.notebook_facts import NotebookFacts, read_notebook_facts
from nbpart.run.redaction import Redactor
from nbpart.run.report import Ending, RunOutput, RunReport
from nbpart.run.run_log import RunLog
from nbpart.run.saved_files import check_saved_files, describe_run, save_notebook
from nbpart.run.secrets import STORAGE_OPTIONS, spell_secrets
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from nbpart.storage.own_files import make_folder, share

if TYPE_CHECKING:
    from nbpart.run.execution import Execution
    from nbpart.run.execution_options import KernelSetup, Limits, OutputTargets
    from nbpart.run.forked_execution import ForkedExecution
    from nbpart.run.kernels.launch import RunKernel

_logger = logging.getLogger("nbpart.run")
_loading = threading.Lock()


def execute(
    spec: RunSpec,
    *,
    on_start: Callable[[RunSpec], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> RunReport:
    """Execute one attempt of a run and return how it ended; see NotebookRun."""
    return NotebookRun(spec, on_start=on_start, should_stop=should_stop).execute()


class NotebookRun:
    """One attempt of a run, in a kernel of its own that is gone when it ends.

    `execute` never raises for what the notebook does: an error that a cell raises or shows (but in one tagged
    `raises-exception`), a syntax error, a dead kernel (error class DeadKernel, with its exit code), a time-out
    (TimeoutError), a kernel that is not installed (NoSuchKernel) and `sys.exit(code)` are failures, and a Ctrl-C, an
    interrupted kernel or `cancel` cancel it. `sys.exit()` and `sys.exit(0)` end it as a success, with a note.
    The report is also written to `spec.report`.

    on_start: called with the spec in the executing thread before the kernel starts. should_stop: asked several
    times a second; True is like `cancel`. grace_s: seconds that an interrupted cell gets before its kernel is killed.
    """

    def __init__(
        self,
        spec: RunSpec,
        *,
        on_start: Callable[[RunSpec], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        grace_s: float = 2.0,
    ) -> None:
        self.spec = spec
        self._on_start = on_start
        self._should_stop = should_stop
        self._grace_s = grace_s
        self._cancelled = threading.Event()
        self._execution: Execution | ForkedExecution | None = None
        self._turn = threading.Lock()
        self._is_begun = False
        self._read: tuple[Any, str] | None = None
        self._ahead: RunKernel | None = None
        self._redactor = Redactor({**spec.secrets, STORAGE_OPTIONS: spec.storage_options})

    def cancel(self) -> None:
        """Interrupt the notebook, and kill its kernel if that does not help; returns at once, from any thread."""
        self._cancelled.set()
        if self._execution is not None:
            self._execution.wake()

    def start_ahead(self) -> None:
        """Start the kernel before `execute` is called; does nothing where a kernel can be forked at once.

        Returns at once. An error is reported by `execute`. Must not be called where an event loop runs.
        """
        with self._turn:
            if self._is_begun:
                return
            self._is_begun = True
            try:
                load_engine()
                from nbpart.run.kernels.launch import start_spare

                self._read = load_injected_notebook(self.spec)
                self._ahead = start_spare(
                    self._read[1],
                    folder=self.spec.locate(self.spec.folder),
                    environment=self._environment,
                    startup=self._startup,
                    secrets=spell_secrets(self.spec.secrets, self.spec.storage_options),
                    prepare=self.spec.write,
                )
            except Exception as error:  # noqa: BLE001 - reported when its turn comes
                _logger.debug("no kernel was started ahead for %s: %s", self.spec.where, error)

    @property
    def is_begun(self) -> bool:
        """Whether `start_ahead` or `execute` was called."""
        return self._is_begun

    def discard(self) -> None:
        """Give up a run that was never executed: a kernel that was started ahead for it is killed."""
        with self._turn:
            self._is_begun = True
            kernel, self._ahead = self._ahead, None
        if kernel is not None:
            kernel.discard()
            self.spec.remove_files()

    @property
    def _environment(self) -> dict[str, str]:
        own = {SPEC_VARIABLE: str(self.spec.path), RUN_VARIABLE: self.spec.run_id, MARK_VARIABLE: self.spec.mark}
        return {**self.spec.env, **own}

    @property
    def _startup(self) -> list[str]:
        return [STARTUP_LINE] if self.spec.modules or self.spec.import_roots or self.spec.late_roots else []

    def execute(self) -> RunReport:
        """Execute the notebook, blocking, and return how it ended."""
        if threading.current_thread() is not threading.main_thread():
            return self._execute()
        load_engine()
        report: RunReport = call_interruptibly(self._execute, self.cancel, f"nbpart {self.spec.run_id}")
        return report

    def _execute(self) -> RunReport:
        started_at = datetime.datetime.now(datetime.UTC)
        load_engine()
        with self._turn:  # what is being started ahead is ready then, and nothing is started later
            self._is_begun = True
        try:
            ending, kernel = self._run_logged()
            output = RunOutput() if self.spec.members else RunOutput.read(self.spec.part)
        except Exception as error:  # noqa: BLE001 - one run's trouble must not stop the others, and must be recorded
            ending, kernel, output = explain_crash(error), None, RunOutput()
        finally:
            self.discard()
        report = RunReport(
            **_fields_of(ending),
            run_no=self.spec.run_no,
            run_id=self.spec.run_id,
            partition_key=self.spec.partition_key,
            attempt=self.spec.attempt,
            started_at=started_at,
            finished_at=datetime.datetime.now(datetime.UTC),
            duration_s=self._execution.cells_s if self._execution is not None else 0.0,
            files=output.files,
            metrics=output.metrics,
            faults=output.faults,
            checks=output.checks,
            missing_inputs={name: given.missing for name, given in self.spec.inputs.items() if given.missing},
            kernel=kernel,
            **self._about_kernel(),
        )
        report = self._report_members(report.with_stop(output.stopped))
        if self._execution is not None:
            report = self._execution.checks.complete(self.spec, report)
        report = keep_curves(self.spec, report)
        return self._write_report(self._redact(report))

    def _redact(self, report: RunReport) -> RunReport:
        if not self._redactor:
            return report
        hide = self._redactor.redact_value
        return replace(
            report,
            **{name: hide(text) for name, text in report.free_texts.items()},
            metrics=hide(report.metrics),
            files=self._redactor.redact_files(report.files),
            checks=self._redactor.redact_checks(report.checks),
            kernel_notes=tuple(hide(report.kernel_notes)),
            members={run_no: self._redact(member) for run_no, member in report.members.items()},
        )

    def _report_members(self, report: RunReport) -> RunReport:
        """The report with those of the partitions, where the run was of many."""
        if not self.spec.members:
            return report
        try:
            return add_member_reports(self.spec, report)
        except (OSError, ValueError, TypeError, KeyError) as error:  # what they came to cannot be read
            message = f"what the partitions of this run came to cannot be read: {error}"
            return replace(report, status=RunStatus.FAILED, error_class=type(error).__name__, error_message=message)

    def _about_kernel(self) -> dict[str, Any]:
        if self._execution is None:
            return {}
        usage = self._execution.usage
        return {
            "kernel_kind": self._execution.kernel_kind,
            "kernel_notes": self._execution.notes,
            "is_lost": self._execution.is_lost,
            "cpu_s": usage.cpu_s,
            "peak_rss_bytes": usage.peak_rss_bytes,
            "kept_kernel": self.spec.keep_kernel if self._execution.kept else None,
        }

    def _write_report(self, report: RunReport) -> RunReport:
        try:
            report.write(self.spec.store, self.spec.report)
            self.spec.remove_files()
        except OSError as error:
            if report.status is RunStatus.SUCCEEDED:
                message = f"the report of {self.spec.where} could not be written: {error}"
                return replace(report, status=RunStatus.FAILED, error_class=type(error).__name__, error_message=message)
        return report

    def _run_logged(self) -> tuple[Ending, str | None]:
        spec = self.spec
        for path in (spec.log, spec.output_notebook, spec.report):
            make_folder(Path(spec.workspace), Path(spec.locate(path)).parent)
        spec.part.unlink(missing_ok=True)
        Path(spec.locate(spec.curves)).unlink(missing_ok=True)
        place = Path(spec.locate(spec.log))
        place.unlink(missing_ok=True)  # not written over, since it may be a link
        descriptor = os.open(place, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with open(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
            share(os.stat(place.parent), descriptor)
            log = RunLog(file, self._redactor)
            kernel: str | None = None
            try:
                ending, kernel = self._run(log)
            except Exception as error:  # noqa: BLE001 - as above; the log must have its last line
                ending = explain_crash(error)
            log.end(ending, self._execution.cells_s if self._execution is not None else 0.0)
        return ending, kernel

    def _run(self, log: RunLog) -> tuple[Ending, str | None]:
        if self._is_stopped():
            return Ending(RunStatus.CANCELLED, "Cancelled", "the run was cancelled before it started"), None
        if self._on_start is not None:
            self._on_start(self.spec)
        from nbpart.run.kernels.forking import find_forkable

        spec = self.spec
        folder = spec.locate(spec.folder)
        if not os.path.isdir(folder):
            raise MissingInputError(f"the working directory {folder!r} of {spec.where} is not there; restore it.")
        notes: tuple[str, ...] = ()
        if self._ahead is None:
            about = read_notebook_facts(spec)
            try:
                if (kernel_spec := find_forkable(about.kernel)) is not None:
                    return self._run_in_kernel(log, kernel_spec, about), about.kernel
            except PrewarmError as error:
                notes = (f"an ordinary kernel was started, as none could be forked: {error}",)
        return self._run_by_protocol(log, folder, notes)

    def _run_in_kernel(self, log: RunLog, kernel_spec: Any, about: NotebookFacts) -> Ending:
        """papermill executes the notebook in the process of a forked kernel."""
        from nbpart.run.forked_execution import ForkedExecution
        from nbpart.run.spec_notebook import SpecNotebook

        spec = self.spec
        spec.write()
        setup = self._make_setup(spec.locate(spec.folder), _find_imports(spec).without_what_reads(about.variables))
        execution = ForkedExecution(
            kernel_spec,
            SpecNotebook(spec, log.fileno()),
            setup,
            self._make_targets(log),
            should_stop=self._is_stopped,
            polls=self._should_stop is not None,
            check=self._check_saved,
            limits=self._limits,
        )
        self._execution = execution
        try:
            execution.run()
        except PrewarmError:
            self._execution = None
            raise
        assert execution.ending is not None
        return execution.ending

    def _run_by_protocol(self, log: RunLog, folder: str, notes: tuple[str, ...]) -> tuple[Ending, str | None]:
        """papermill executes the notebook here, in a kernel that is talked to by Jupyter's protocol."""
        import papermill
        from papermill.exceptions import PapermillExecutionError

        from nbpart.run.execution import Execution
        from nbpart.run.papermill_engine import ENGINE_NAME

        spec = self.spec
        notebook, kernel = self._read or load_injected_notebook(spec)
        spec.write()
        setup = self._make_setup(folder, Imports())
        execution = self._execution = Execution(
            setup,
            self._make_targets(log),
            should_stop=self._is_stopped,
            check=self._check_saved,
            limits=self._limits,
            notes=notes,
        )
        # papermill raises for error outputs; the ending holds more. No output path: papermill would write it in place,
        # format its braces, and change directory to do so.
        self._ahead = None
        with contextlib.suppress(PapermillExecutionError):
            papermill.execute_notebook(
                notebook, None, engine_name=ENGINE_NAME, kernel_name=kernel, progress_bar=False, execution=execution
            )
        if execution.ending is None:
            raise RuntimeError(f"papermill did not execute the notebook {spec.notebook!r}")
        return execution.ending, kernel

    @property
    def _limits(self) -> Limits:
        from nbpart.run.execution_options import Limits

        return Limits(run_s=self.spec.timeout_s, grace_s=self._grace_s)

    def _make_setup(self, folder: str, imports: Imports) -> KernelSetup:
        from nbpart.run.execution_options import KernelSetup

        spec = self.spec
        return KernelSetup(
            folder=folder,
            environment=self._environment,
            startup=self._startup,
            secrets=spell_secrets(spec.secrets, spec.storage_options),
            imports=imports,
            started=self._ahead,
            keep_as=spec.keep_kernel and spec.locate(spec.keep_kernel),
            keep_s=spec.keep_kernel_s,
            keeps_succeeded=spec.keeps_succeeded,
        )

    def _make_targets(self, log: RunLog) -> OutputTargets:
        from nbpart.run.execution_options import OutputTargets
        from nbpart.run.streams import MOST_PRINTED, StreamOutputs

        spec = self.spec
        return OutputTargets(
            save=lambda nb: save_notebook(nb, spec, self._redactor),
            write=log.write,
            about=describe_run(spec),
            streams=StreamOutputs(MOST_PRINTED, spec.log, self._redactor.redact),
        )

    def _check_saved(self, ending: Ending) -> Ending:
        return check_saved_files(self.spec, ending)

    def _is_stopped(self) -> bool:
        return self._cancelled.is_set() or (self._should_stop is not None and self._should_stop())


def _fields_of(ending: Ending) -> dict[str, Any]:
    return {entry.name: getattr(ending, entry.name) for entry in fields(ending)}


def _find_imports(spec: RunSpec) -> Imports:
    # local modules come from their snapshots, so they must not be there already
    local = {name.partition(".")[0] for name in spec.modules}
    preload = tuple(name for name in spec.preload if name.partition(".")[0] not in local)
    sources = (Path(spec.locate(snapshot)).read_text("utf-8", "surrogatepass") for snapshot, _ in spec.modules.values())
    return Imports(preload, find_set_variables(sources))


def load_engine() -> None:
    """Import what executes notebooks, which is too heavy for `import nbpart`; only the first call has an effect."""
    # one thread at a time: what imports in a circle is half there to a second one
    with _loading:
        load_nbformat()
        import nbpart.run.execution  # noqa: F401
        from nbpart.run.papermill_engine import register_engine

        register_engine()
