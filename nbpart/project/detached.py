"""A backfill in a process of its own, which outlives the kernel that asked for it.

The process is this module, run by ``python -m``: it reads one line of JSON that says what to run, answers by one line
whether it has started the backfill, and from then on is a coordinator like any other.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.plan import StepTable
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.errors import CatalogError
from nbpart.project.launch import make_steps_frame
from nbpart.project.project import Project
from nbpart.project.resume import start_waiting_backfill
from nbpart.run.kernels.processes import GUARDIAN_VARIABLE
from nbpart.run.spec import decode_value, encode_value
from nbpart.states import RunStatus
from nbpart.storage.own_files import make_folder, open_own

#: How the process names itself to others that ask who runs a backfill.
PURPOSE = "a detached backfill"


def detach_backfill(
    project: Project,
    registry: Registry,
    steps: StepTable,
    selection: str,
    options: BackfillOptions,
    reasons: Sequence[Any] | None,
) -> str:
    """Record a backfill of ``steps``, start a process that runs it, and return its id once the process has begun.

    Returned as soon as that process has started the backfill; its log is ``runs/_backfills/<id>.log``. Raises
    `CatalogError` where it could not start it: the backfill is then recorded as interrupted.
    """
    project.check_trust()
    frame = make_steps_frame(registry, steps, reasons)
    _, backfill_id = project.catalog.write(
        lambda batch: events.start_backfill(batch, selection, options.to_json(), None, frame, registry.moment)
    )
    try:
        start_detached_process(project, backfill_id, options)
    except BaseException:
        project.catalog.write(lambda batch: _mark_interrupted(batch, backfill_id))
        raise
    return backfill_id


def log_path(root: Path, backfill_id: str) -> Path:
    """The log of the process of a detached backfill: what goes wrong outside its runs."""
    return root / "runs" / "_backfills" / f"{backfill_id}.log"


def start_detached_process(project: Project, backfill_id: str, options: BackfillOptions) -> None:
    """Start a process that runs a recorded backfill; returns once the process has begun it.

    Raises `CatalogError` where the process could not begin it.
    """
    path = log_path(project.root, backfill_id)
    make_folder(project.root, path.parent)
    with os.fdopen(open_own(path, writes=True, create=True), "r+b") as log:
        log.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            [sys.executable, "-m", "nbpart.project.detached"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            # started by a run, it must outlive that run
            env={**os.environ, GUARDIAN_VARIABLE: ""},
            # neither a Ctrl-C in this terminal nor the end of this kernel's process group reaches it
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    task: dict[str, Any] = {"root": str(project.root), "catalog": str(project.catalog.path), "backfill_id": backfill_id}
    task["secrets"] = {name: encode_value(value) for name, value in options.secrets.items()}
    with process.stdin, process.stdout:
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    # whoever starts a process has to wait for it, or it stays a zombie
    threading.Thread(target=process.wait, name=f"nbpart {backfill_id}", daemon=True).start()
    if not answer:
        raise CatalogError(f"the process of backfill {backfill_id} ended before it began; see {path}.")
    if error := json.loads(answer).get("error"):
        raise CatalogError(f"the process of backfill {backfill_id} could not begin: {error}")


def _trust_caller(workspace_id: str) -> bool:
    """Always true: whoever started this process had to be allowed to run the workspace's code."""
    return True


def _mark_interrupted(batch: Batch, backfill_id: str) -> None:
    """End a backfill as interrupted if it is still queued, neither begun nor cancelled by another process."""
    record = queries.find_backfill(batch, backfill_id)
    if record is not None and record.status == RunStatus.QUEUED:
        events.finish_backfill(batch, record.backfill_no, str(RunStatus.INTERRUPTED))


def main() -> None:
    """Run the backfill that a line of JSON on stdin names, to its end."""
    task = json.loads(sys.stdin.readline())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    catalog = Catalog.open(Path(task["catalog"]), create=False, purpose=PURPOSE, is_known=_trust_caller)
    root, backfill_id = Path(task["root"]), str(task["backfill_id"])
    project = Project(root, catalog, PURPOSE, is_assumed_trusted=True)  # whoever started this process checked it
    try:
        secrets = {name: decode_value(value) for name, value in task["secrets"].items()}
        start_waiting_backfill(project, backfill_id, secrets=secrets)
    except Exception as error:
        _answer({"error": str(error)})
        raise
    runner = project.runners.get(backfill_id)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: runner.cancel() if runner else None)
    _answer({"pid": os.getpid()})
    # there is no runner where nothing was left to run, or another process runs it
    while runner is not None and not runner.wait(1.0):  # in parts, so that a signal is handled
        pass
    project.close()
    sys.exit(1 if runner is not None and runner.error is not None else 0)


def _answer(answer: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the caller is gone: this process is made to outlive it
        print(json.dumps(answer), flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
