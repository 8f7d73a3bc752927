"""What a run leaves: its executed notebook, without the secrets, and whether the data that it saved is still there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nbpart.run.members import read_member_outputs
from nbpart.run.redaction import Redactor
from nbpart.run.report import Ending, RunOutput
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from nbpart.storage.file_record import FileRecord
from nbpart.storage.store import publish_bytes


def save_notebook(notebook: Any, spec: RunSpec, redactor: Redactor) -> None:
    """Store the executed notebook of a run, in whatever state it is."""
    from nbpart.run.notebook_text import write_notebook

    if redactor:
        notebook = redactor.redact_notebook(notebook)
    data = write_notebook(notebook).encode("utf-8", "replace")
    publish_bytes(spec.store, spec.output_notebook, data, is_durable=False)


def describe_run(spec: RunSpec) -> dict[str, Any]:
    """What the metadata of an executed notebook say of its run, besides its status."""
    return {
        "run_id": spec.run_id,
        "attempt": spec.attempt,
        "asset": spec.asset,
        "partition_key": spec.partition_key,
        **({"env": dict(spec.env)} if spec.env else {}),
    }


def check_saved_files(spec: RunSpec, ending: Ending) -> Ending:
    """The ending; a failure where a file that was saved is gone."""
    if ending.status is not RunStatus.SUCCEEDED:
        return ending
    for file in _list_saved(spec):
        if spec.store.stat(file.path) is None:
            message = f"{spec.where} saved {file.path!r}, and at its end the file is gone; keep what you save"
            return replace(ending, status=RunStatus.FAILED, error_class="FileNotFoundError", error_message=message)
    return ending


def _list_saved(spec: RunSpec) -> list[FileRecord]:
    if not spec.members:
        return list(RunOutput.read(spec.part).files)
    return [file for member in read_member_outputs(spec).values() for file in member.output.files]
