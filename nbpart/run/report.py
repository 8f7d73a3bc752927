"""The report of a run: how one attempt ended and what it made, as the catalog records it.

A report is frozen and is passed on as a JSON file. `RecordedEnding` has what is recorded of every attempt: each of its
fields is a column of the catalog's table `outcomes` and an attribute of `RunRecord`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nbpart.run.check_result import CheckResult
from nbpart.run.input_files import InputFault
from nbpart.states import RunStatus
from nbpart.storage.file_record import FileRecord
from nbpart.storage.files import write_bytes_atomic
from nbpart.storage.store import Store, publish_bytes

#: Marks a field whose text comes from the user's code: secrets are hidden in it, and it is cut where it is endless.
FREE_TEXT = {"free_text": True}


@dataclass(frozen=True, slots=True)
class Ending:
    """How the execution of a notebook ended.

    `error_cell` is the 0-based index, in the output notebook, of the cell that was running, if one was. `exit_code` is
    that of a kernel that died (-9: killed by signal 9). `note`: what a person has to know of a success.
    """

    status: RunStatus
    error_class: str | None = field(default=None, metadata=FREE_TEXT)
    error_message: str | None = field(default=None, metadata=FREE_TEXT)
    error_cell: int | None = None
    traceback: str | None = field(default=None, metadata=FREE_TEXT)
    exit_code: int | None = None
    note: str | None = field(default=None, metadata=FREE_TEXT)


SUCCEEDED = Ending(RunStatus.SUCCEEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEnding(Ending):
    """How an attempt of a run ended, with what is recorded beside: a field here is a column of `outcomes`.

    `duration_s`: from the start of the first cell to the end of the last, without the kernel's start and end; None
    where none was executed. `missing_inputs`: per input the keys without data. `kernel` is its name, `kernel_kind`
    "prewarmed", "spare" or "stock". `cpu_s` and `peak_rss_bytes` are the kernel's with the processes that it waited
    for, None where the system does not say. `kept_kernel` is the connection file of the kernel where it was kept (see
    nbpart.run.kernels.kept_kernel.KeptKernel), `curves` the file of its curves, both relative to the workspace.
    `stopped_early`: it was told to end before its end, and did.
    """

    finished_at: datetime | None = None
    duration_s: float | None = None
    missing_inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kernel: str | None = field(default=None, metadata=FREE_TEXT)
    kernel_kind: str | None = None
    cpu_s: float | None = None
    peak_rss_bytes: int | None = None
    kept_kernel: str | None = None
    curves: str | None = None
    stopped_early: bool = False

    @property
    def free_texts(self) -> dict[str, str]:
        """The texts that come from the user's code, by the name of their field; those that are None are left out."""
        names = (entry.name for entry in dataclasses.fields(self) if entry.metadata.get("free_text"))
        return {name: text for name in names if (text := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport(RecordedEnding):
    """The outcome of one attempt of a run.

    `run_no`, `partition_key` and `attempt` are those of the spec and identify the run; `run_id` is for people.
    `started_at` is when the attempt began. `kernel_notes` say why the kernel is not what it should be. `faults`: files
    of inputs that are not what was recorded. `members`: of a run of many partitions, the report of each by the number
    of its run. `checks`: what the checks of its asset said of what it made. `is_lost`: its kernel was killed with the
    process that had forked it, which says nothing of the run.
    """

    run_no: int | None = None
    run_id: str
    partition_key: str | None = None
    attempt: int
    started_at: datetime
    finished_at: datetime
    files: tuple[FileRecord, ...] = ()
    metrics: Mapping[str, int | float | bool | str] = field(default_factory=dict)
    kernel_notes: tuple[str, ...] = ()
    faults: tuple[InputFault, ...] = ()
    members: Mapping[int, RunReport] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    is_lost: bool = False

    @property
    def main_file(self) -> FileRecord | None:
        """The partition's data itself, without the extra files that have names; None where nothing was saved."""
        return next((file for file in self.files if not file.name), None)

    @property
    def bytes(self) -> int | None:
        """The size of all files together; None where nothing was saved."""
        return sum(file.bytes or 0 for file in self.files) if self.files else None

    @property
    def data_version(self) -> str:
        """One version for all files; for a run that saved nothing it is made of its id, so it equals no other."""
        if not self.files:
            return hashlib.sha256(self.run_id.encode()).hexdigest()
        only = self.files[0]
        if len(self.files) == 1 and not only.name and only.data_version:
            return only.data_version
        pairs = sorted((file.name, file.data_version or "") for file in self.files)
        return hashlib.sha256("\n".join(f"{name}\0{version}" for name, version in pairs).encode()).hexdigest()

    def with_stop(self, why: str | None) -> RunReport:
        """The same report of a run that was told to end early for a reason; None where it was not."""
        if why is None:
            return self
        note = f"stopped early: {why}"
        return replace(self, stopped_early=True, note=f"{note}; {self.note}" if self.note else note)

    def with_ending(self, ending: Ending) -> RunReport:
        """The same report with another ending."""
        return replace(self, **{entry.name: getattr(ending, entry.name) for entry in dataclasses.fields(Ending)})

    def to_json(self) -> dict[str, Any]:
        data = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        data["status"] = str(self.status)
        data["started_at"], data["finished_at"] = self.started_at.isoformat(), self.finished_at.isoformat()
        data["files"] = [file.to_json() for file in self.files]
        data["missing_inputs"] = {name: list(keys) for name, keys in self.missing_inputs.items()}
        data["kernel_notes"] = list(self.kernel_notes)
        data["faults"] = [fault.to_json() for fault in self.faults]
        data["members"] = [report.to_json() for report in self.members.values()]
        data["checks"] = [check.to_json() for check in self.checks]
        return data | {"metrics": dict(self.metrics)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunReport:
        values = dict(data)
        values["status"] = RunStatus(data["status"])
        for name in ("started_at", "finished_at"):
            values[name] = datetime.fromisoformat(data[name])
        values["files"] = tuple(FileRecord.from_json(file) for file in data["files"])
        values["kernel_notes"] = tuple(data["kernel_notes"])
        values["faults"] = tuple(InputFault.from_json(fault) for fault in data["faults"])
        values["checks"] = tuple(CheckResult.from_json(check) for check in data["checks"])
        members = [cls.from_json(report) for report in data["members"]]
        values["members"] = {member.run_no: member for member in members}
        values["missing_inputs"] = {name: tuple(keys) for name, keys in data["missing_inputs"].items()}
        return cls(**values)

    def write(self, store: Store, path: str) -> None:
        """Publish the report under a path of the store: who reads it does so where a process was killed."""
        publish_bytes(store, path, _encode_json(self.to_json()), is_durable=False)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> RunReport:
        return cls.from_json(json.loads(Path(path).read_bytes()))


@dataclass(frozen=True)
class RunOutput:
    """What a run has saved and logged so far, and the faults that it found in its inputs.

    `stopped`: why it was told to end early, None where it was not. `checks`: what those that were done said of it.
    """

    files: tuple[FileRecord, ...] = ()
    metrics: Mapping[str, int | float | bool | str] = field(default_factory=dict)
    faults: tuple[InputFault, ...] = ()
    stopped: str | None = None
    checks: tuple[CheckResult, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "stopped": self.stopped,
            "checks": [check.to_json() for check in self.checks],
            "files": [file.to_json() for file in self.files],
            "metrics": dict(self.metrics),
            "faults": [fault.to_json() for fault in self.faults],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunOutput:
        files = tuple(FileRecord.from_json(file) for file in data["files"])
        faults = tuple(InputFault.from_json(fault) for fault in data.get("faults", ()))
        checks = tuple(CheckResult.from_json(check) for check in data.get("checks", ()))
        return cls(files, data["metrics"], faults, data.get("stopped"), checks)

    def write(self, path: str | os.PathLike[str]) -> None:
        write_bytes_atomic(path, _encode_json(self.to_json()), is_durable=False)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> RunOutput:
        """Read what `write` wrote; a run that saved and logged nothing has no file, and an empty output."""
        try:
            return cls.from_json(json.loads(Path(path).read_bytes()))
        except FileNotFoundError:
            return cls()


@dataclass(frozen=True)
class MemberOutput:
    """The outcome of one partition of a run of many so far; `done`: its block was left without an error."""

    output: RunOutput = field(default_factory=RunOutput)
    done: bool = False
    error_class: str | None = None
    error_message: str | None = None
    traceback: str | None = None

    def to_json(self) -> dict[str, Any]:
        data = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        return data | {"output": self.output.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MemberOutput:
        return cls(**{**data, "output": RunOutput.from_json(data["output"])})


def _encode_json(data: Mapping[str, Any]) -> bytes:
    # a traceback may hold anything, also half a surrogate pair
    return json.dumps(data, ensure_ascii=True).encode()
