"""A run in its kernel: papermill executes the notebook here, in the process and the shell in which its cells run.

What the cells send is written down as it comes, in the journal and the log, so that nothing of it is lost with this
process; see `forked_execution` for the other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbclient.client import timestamp
from nbformat import NotebookNode
from tornado.ioloop import IOLoop

from nbpart.run.cell_loop import CellLoop, explain_late_stop, explain_stop, judge_cell
from nbpart.run.cell_outputs import CellOutputs
from nbpart.run.check_cells import CheckCells
from nbpart.run.child_messages import (
    DONE,
    FAILED,
    FOLLOW_AFTER_S,
    GO,
    KEPT,
    STOP,
    WRITING,
    WRITTEN,
    decode_ending,
    encode_checks,
    encode_ending,
)  # fmt: skip
from nbpart.run.crashes import explain_crash
from nbpart.run.executed_notebook import NotebookRecord
from nbpart.run.injected_notebook import load_injected_notebook
from nbpart.run.journal import Journal
from nbpart.run.kernels import wire
from nbpart.run.kernels.kept_kernel import outlive, write_kept
from nbpart.run.kernels.local_output import LocalMessage
from nbpart.run.redaction import Redactor
from nbpart.run.report import SUCCEEDED, Ending
from nbpart.run.run_log import RunLog
from nbpart.run.saved_files import check_saved_files, describe_run, save_notebook
from nbpart.run.secrets import received_secrets, redactor_of_this_run
from nbpart.run.spec import RunSpec
from nbpart.run.streams import MOST_PRINTED, StreamOutputs
from nbpart.run.widget_client import WidgetClient
from nbpart.states import RunStatus

#: How long tasks of the notebook have the loop for themselves before the next cell, in seconds.
_TASKS_S = 0.005
#: How long whoever writes the notebook meanwhile may take for that, in seconds.
_GO_LIMIT_S = 30.0
#: Where the numbers of descriptors that are not the notebook's begin.
_LEAST_DESCRIPTOR = 500
#: The tag of cells that are not executed, as nbclient has it.
_SKIPPED = "skip-execution"
#: By this name papermill reads the notebook of a run.
_HANDED = "nbpart://run.ipynb"

_logger = logging.getLogger("nbpart.run")
_papermill_logger = logging.getLogger("papermill")


class ChildRun:
    """The run of this process: of a spec, whose notebook it writes, or of a notebook that another process writes.

    ``task`` has the path of the spec, if there is one, and what is to be done at the end; ``given`` are descriptors by
    name: `journal`, `talk`, and the `log` of a spec, or a `notebook` and the `bell` that is rung for its outputs.
    """

    def __init__(self, app: Any, folder: str, task: Mapping[str, Any], given: Mapping[str, int]) -> None:
        self._app, self._folder, self._task = app, folder, task
        given = {name: _lift(descriptor) for name, descriptor in given.items()}
        self._journal = Journal(given["journal"], given.get("bell"))
        self._talk = socket.socket(fileno=given["talk"])
        self._spec: RunSpec | None = None
        if "spec" in task:
            self._spec = replace(RunSpec.read(task["spec"]), secrets=received_secrets())
        self._redactor = redactor_of_this_run() if self._spec is not None else Redactor({})
        self._notebook = given.get("notebook")
        self._log: RunLog | None = None
        if "log" in given:
            file = open(given["log"], "a", encoding="utf-8", errors="replace", newline="")  # noqa: SIM115 - to the end
            self._log = RunLog(file, self._redactor)
        self.checks = CheckCells()
        self._began_at, self._may_write = time.monotonic(), False
        self._ending: Ending | None = None
        self._stopping: Ending | None = None
        self._outputs: CellOutputs | None = None
        self._fault: Exception | None = None
        self._finishing, self._is_finished = threading.Lock(), False
        app.deliver = self._deliver

    def execute(self) -> bool:
        """Execute the notebook. Returns whether the kernel is kept: it has its sockets then, and needs only be started.

        The run is over with `finish`, which whoever ends this process calls last.
        """
        try:
            self._execute()
        except Exception as error:  # noqa: BLE001 - recorded as the end of the run
            self._say(FAILED, ending=encode_ending(explain_crash(error)))
            self._is_finished = True
            return False
        assert self._ending is not None
        is_kept = self._is_to_be_kept()
        if is_kept or self._stopping is not None:
            self.finish()
        return is_kept and self._keep()

    def _execute(self) -> None:
        import papermill
        from papermill.iorw import papermill_io

        from nbpart.run.papermill_engine import ENGINE_NAME, register_engine

        if self._spec is None:
            assert self._notebook is not None
            with open(self._notebook, "rb") as file:
                self.run(_to_nodes(json.load(file)), "")
            return
        register_engine()
        # what papermill has to say is for who coordinates, and not for the logging of the notebook
        _papermill_logger.disabled = True
        notebook, kernel = load_injected_notebook(self._spec)
        papermill_io.register(_HANDED, _HandedNotebook(notebook))
        # no output path: papermill would write it in place, format its braces, and change directory to do so
        try:
            papermill.execute_notebook(
                _HANDED, None, engine_name=ENGINE_NAME, kernel_name=kernel, progress_bar=False, execution=self
            )
        finally:
            _papermill_logger.disabled = False

    def run(self, nb: Any, kernel_name: str) -> Any:
        """Execute the cells of a notebook, as papermill's engine."""
        spec = self._spec
        streams = None
        if spec is not None:
            streams = StreamOutputs(MOST_PRINTED, spec.log, self._redactor.redact)
            nb.metadata.papermill["input_path"] = spec.notebook
        about = describe_run(spec) if spec is not None else {}
        record = self._record = NotebookRecord(nb, self._save, about, autosave_s=None, streams=streams)
        outputs = CellOutputs(record, self._write)
        outputs.kc = self._widgets = WidgetClient(self._app.session)
        record.notebook_start()
        nb.metadata["language_info"] = language = self._app.kernel.language_info
        self._journal.write({"language": language})
        self._outputs = outputs
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        _papermill_logger.disabled = False  # the notebook may use it
        cells = self._cells = CellLoop(record, self.checks, self._execute_cell, self._is_stopping)
        ending = loop.run_until_complete(self._work(cells))
        if self._stopping is not None:
            ending = explain_stop(self._stopping, cells.cell, ending)
        self._ending = ending = self.checks.forgive(ending, nb)
        _papermill_logger.disabled = True
        self._say(DONE, ending=encode_ending(ending), checks=encode_checks(self.checks), cells_s=cells.cells_s)
        # of what papermill gets back it would mark where a cell failed, raise, and write it out for nobody
        return NotebookNode(nbformat=4, nbformat_minor=5, metadata={}, cells=[])  # type: ignore[no-untyped-call]

    async def _work(self, cells: CellLoop) -> Ending:
        self._app.kernel.io_loop = IOLoop.current()
        ending = await cells.run()
        await self._let_tasks_run()
        return ending

    async def _execute_cell(self, cell: Any, index: int) -> Ending | None:
        outputs = self._outputs
        assert outputs is not None
        await self._let_tasks_run()
        outputs.reply, outputs.notes = {}, []
        is_code = cell.cell_type == "code" and bool(cell.source.strip())
        if is_code and _SKIPPED not in cell.metadata.get("tags", []):
            await self._execute_code(outputs, cell, index)
        for note in outputs.notes:
            text = f"[nbpart] cell {index + 1}: {note}\n"
            self._journal.write({"note": text})
            self._write(text)
        ending = judge_cell(outputs, cell, index)
        self._journal.write(
            {"done": index, "at": time.monotonic(), "now": time.time(), "ending": encode_ending(ending)}
        )
        return ending

    async def _execute_code(self, outputs: CellOutputs, cell: Any, index: int) -> None:
        def begin(request_id: str) -> None:
            self._journal.write({"cell": index, "id": request_id, "at": time.monotonic(), "now": time.time()})
            # in the thread that takes in outputs: what an earlier cell left behind may still print
            self._app.iopub_thread.schedule(lambda: outputs.begin_cell(cell, index, request_id))

        stops = not outputs.allows_error(cell, "")
        outputs.reply = await self._app.kernel.execute(cell.source, begin, stop_on_error=stops)
        cell["metadata"]["execution"]["shell.execute_reply"] = timestamp()
        for message in self._widgets.take_sent():
            await self._app.kernel.handle_comm(message)
        if self._fault is not None:
            raise self._fault

    async def _let_tasks_run(self) -> None:
        """As in a kernel that waits for its next request."""
        await asyncio.sleep(_TASKS_S if len(asyncio.all_tasks()) > 1 else 0)

    def _deliver(self, message: LocalMessage) -> None:
        """Take in a message of the kernel, in the thread of its output."""
        try:
            if message.kind != "status":
                self._journal.write_message(message)
            if self._outputs is not None:
                self._outputs.take(message.to_json())
            elif message.kind == "stream":  # of what a profile executes at its start
                self._write(message.content["text"])
        except Exception as error:  # noqa: BLE001 - raised when the cell is done
            self._fault = self._fault or error

    def _write(self, *text: str) -> None:
        """Append text to the log; the last argument, behind the name of a stream if there is one."""
        if self._log is not None:
            self._log.write(text[-1])

    def _is_stopping(self) -> bool:
        """Whether the run is to be stopped, for a reason that was told by now."""
        self._hear(0)
        return self._stopping is not None

    def _hear(self, limit_s: float) -> bool:
        """Take in what is said to this run within that time; whether something was."""
        if not select.select([self._talk], [], [], limit_s)[0]:
            return False
        message, _ = wire.receive(self._talk)
        if message is None:
            return False
        if STOP in message:
            self._stopping = self._stopping or decode_ending(message[STOP])
        self._may_write |= GO in message
        return True

    def _say(self, what: str, **more: Any) -> None:
        with contextlib.suppress(OSError):  # who coordinated is gone, and so is this process soon
            wire.send(self._talk, {"what": what, **more})

    def _save(self, notebook: Any) -> None:
        """Write the notebook at its end; while it runs, who coordinates does so from the journal."""
        if self._is_finished and self._spec is not None:
            save_notebook(notebook, self._spec, self._redactor)

    def finish(self) -> None:
        """Take in the last output, and write the notebook as the run ended; only the first call has an effect."""
        with self._finishing:
            if self._is_finished or self._ending is None:
                return
            self._is_finished = True
            self._app.flush_output()
            try:
                self._conclude(self._ending)
            except Exception as error:  # noqa: BLE001 - recorded as the end of the run
                self._say(FAILED, ending=encode_ending(explain_crash(error)))

    def _conclude(self, ending: Ending) -> None:
        assert self._outputs is not None
        if self._stopping is None and self._is_stopping():
            assert self._stopping is not None
            ending = explain_late_stop(self._stopping, ending)
        if self._spec is not None:
            if time.monotonic() > self._began_at + FOLLOW_AFTER_S:
                self._say(WRITING)
                while not self._may_write and self._hear(_GO_LIMIT_S):
                    pass
            ending = check_saved_files(self._spec, ending)
            self._outputs.set_widgets_metadata()
            self._record.finish(ending)
        if self._log is not None:
            self._log.flush()
        self._say(WRITTEN, ending=encode_ending(ending))

    def _is_to_be_kept(self) -> bool:
        ending = self._ending or SUCCEEDED
        if self._task.get("keep_as") is None or self._stopping is not None:
            return False
        if ending.status is RunStatus.SUCCEEDED:
            return bool(self._task["keeps_succeeded"])
        return ending.status is RunStatus.FAILED and ending.error_cell is not None

    def _keep(self) -> bool:
        path, keep_s = self._task["keep_as"], self._task["keep_s"]
        try:
            self._app.open_sockets(self._folder)
            info = dict(self._app.get_connection_info())
            info["key"] = info["key"].decode()
            outlive(keep_s, [path, self._folder])
            write_kept(path, info, os.getpid(), keep_s)
        except Exception as error:  # noqa: BLE001 - the notebook's outcome stands whatever becomes of its kernel
            _logger.warning("the kernel of a run could not be kept: %s", error)
            return False
        self._say(KEPT, path=str(Path(path)))
        return True


class _HandedNotebook:
    """Where papermill reads the notebook of a run from: one that it is handed it writes out first, which is slower."""

    def __init__(self, notebook: Any) -> None:
        self._notebook = notebook

    def read(self, path: str) -> str:
        return json.dumps(self._notebook)

    def pretty_path(self, path: str) -> str:
        return path


def _lift(descriptor: int) -> int:
    """The same file under a high number: code that closes all low ones, as daemons do, is of the notebook alone."""
    try:
        lifted = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _LEAST_DESCRIPTOR)
    except OSError:  # more than the limit of this process
        return descriptor
    os.close(descriptor)
    return lifted


def _to_nodes(notebook: Any) -> Any:
    from nbformat import from_dict

    return from_dict(notebook)  # type: ignore[no-untyped-call]
