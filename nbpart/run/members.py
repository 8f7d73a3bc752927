"""One run of many partitions: the context that its notebook uses, and the reports of its partitions."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from nbpart.errors import MissingInputError, UnknownNameError, UnsupportedTypeError, nearest
from nbpart.run.context import RunContext
from nbpart.run.modules import SPEC_VARIABLE, install
from nbpart.run.output_handler import CallbackHandler
from nbpart.run.report import Ending, MemberOutput, RunOutput, RunReport
from nbpart.run.secrets import redactor_of_this_run
from nbpart.run.spec import Member, RunSpec
from nbpart.run.texts import MOST_TRACEBACK, describe_error, show_text
from nbpart.states import RunStatus
from nbpart.storage.named_format import FormatName, find_named
from nbpart.storage.named_values import require_package
from nbpart.storage.store import Store

#: Where a notebook compiled from a function keeps the cells that a run of many partitions executes instead.
VARIANT = "single_run"


class MemberRun(RunContext):
    """One partition of a run of many, as a context manager.

    An error in its block fails this partition alone: it is recorded and printed, and the notebook goes on. `sys.exit()`
    ends the block in the same way, as a success for exit code 0.
    """

    def __init__(self, whole: WholeRun, member: Member) -> None:
        self._whole, self._member = whole, member
        own = whole.spec.of_member(member)
        super().__init__(own, handler=CallbackHandler(self._report), own_files=whole.own_files, store=whole.store)
        self.fetched = whole.fetched
        #: Whether its block was left before: it is only judged now.
        self.is_done = False
        # the last note of a partition counts, so it holds what earlier blocks and saves of it came to
        if (before := whole.noted.get(member.run_no)) is not None:
            self._take_up(before.output)

    def __enter__(self) -> MemberRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self._whole.report(self._member, MemberOutput(self.output, done=True))
            return True
        if not isinstance(error, Exception | SystemExit):
            return False
        text = show_text("".join(traceback.format_exception(error)), MOST_TRACEBACK)
        print(f"nbpart: partition {self.partition_key!r} failed\n{text}", file=sys.stderr)
        name, message = type(error).__name__, describe_error(error)
        self._whole.report(
            self._member, MemberOutput(self.output, error_class=name, error_message=message, traceback=text)
        )
        return True

    def _report(self, output: RunOutput) -> None:
        self._whole.report(self._member, MemberOutput(output, done=self.is_done))


class WholeRun(RunContext):
    """A run of many partitions as a whole: it loads the inputs of all and saves the data of several at once.

    `partition(key)` gives one of them. `save` takes a frame with a column `partition_key`, or a dict key -> value.
    """

    def __init__(self, spec: RunSpec, store: Store | None = None) -> None:
        super().__init__(spec, handler=CallbackHandler(self._report_faults), store=store)
        self.spec = spec
        self._members = {member.partition_key: member for member in spec.members}
        self.noted: dict[int, MemberOutput] = {}

    @property
    def partition_keys(self) -> tuple[str, ...]:
        return tuple(self._members)

    def partition(self, key: str) -> MemberRun:
        """One partition, for a ``with`` block. Raises UnknownNameError for a key that this run does not have."""
        if key not in self._members:
            raise UnknownNameError(f"this run of {self.asset} has no key {key!r}: {nearest(key, self._members)}")
        return MemberRun(self, self._members[key])

    def save(self, value: Any, name: str | None = None, *, format: FormatName | None = None) -> None:
        """Save data of several partitions: each gets the rows, or the value, of its key.

        Raises UnsupportedTypeError for another value, UnknownNameError for a key that this run does not have.
        """
        parts = list(_split(value, self._members))
        if unknown := [key for key, _ in parts if key not in self._members]:
            raise UnknownNameError(
                f"this run of {self.asset} has no key {unknown[0]!r}: {nearest(str(unknown[0]), self._members)}"
            )
        for key, part in parts:
            self.partition(key).save(part, name, format=format)

    def log(self, *, step: int | None = None, **metrics: Any) -> None:
        """Raises UnsupportedTypeError: metrics belong to one partition, see `partition`."""
        raise UnsupportedTypeError(
            "a run of many partitions logs metrics of one of them: with run.partition(key) as one: one.log(...)"
        )

    def should_stop(self) -> bool:
        """Raises UnsupportedTypeError: one partition stops, see `partition`."""
        raise UnsupportedTypeError(
            "of a run of many partitions each is asked: with run.partition(key) as one: one.should_stop()"
        )

    def judge(self, name: str) -> bool:
        """Run a check on what this run has saved, one partition after the other; see `RunContext.judge`."""
        passed = True
        for member in self.spec.members:
            noted = self.noted.get(member.run_no, MemberOutput())
            if noted.error_class is None and (noted.done or noted.output.files):
                one = self.partition(member.partition_key)
                one.is_done = noted.done
                passed &= one.judge(name)
        return passed

    def report(self, member: Member, output: MemberOutput) -> None:
        """Write what a partition has saved and logged so far; the last line of a partition counts.

        An output that cannot be written fails its partition. Raises OSError where nothing can be written.
        """
        try:
            line = _encode_note(member, output)
        except (TypeError, ValueError) as error:
            message = f"what this partition came to cannot be written down: {describe_error(error)}"
            line = _encode_note(member, MemberOutput(error_class="RecordingError", error_message=message))
        self._write(line)
        self.noted[member.run_no] = output

    def _report_faults(self, output: RunOutput) -> None:
        """Write the faults of inputs that the run as a whole found."""
        self._write(_encode_note(None, MemberOutput(output)))

    def _write(self, line: str) -> None:
        # a line of its own whatever stands before it: the last write may have been cut short
        with open(self.spec.part, "ab", buffering=0) as file:
            file.write(f"\n{line}\n".encode())


def run_from_environment() -> RunContext:
    """The context of the run that this kernel was started for; what it saves and logs gets into the run's report.

    Raises MissingInputError outside a run.
    """
    path = os.environ.get(SPEC_VARIABLE)
    if not path:
        raise MissingInputError(f"this process belongs to no run: the variable {SPEC_VARIABLE} is not set.")
    spec = RunSpec.read(path)
    install(*spec.imports)
    if (format := find_named(spec.format)) is not None:
        require_package(format)  # not after hours, when there is something to save
    if spec.members:
        return WholeRun(spec)
    # what another process of this attempt has saved is its own too
    own = {file.path for file in RunOutput.read(spec.part).files}
    hidden = redactor_of_this_run()

    def write(output: RunOutput) -> None:
        hidden.redact_output(output).write(spec.part)

    return RunContext(spec, recording=True, handler=CallbackHandler(write), own_files=own)


def _encode_note(member: Member | None, output: MemberOutput) -> str:
    """A line about one partition, or about the run as a whole."""
    run_no, key = (None, None) if member is None else (member.run_no, member.partition_key)
    hidden = redactor_of_this_run()
    output = replace(
        output,
        output=hidden.redact_output(output.output),
        error_class=hidden.redact_value(output.error_class),
        error_message=hidden.redact_value(output.error_message),
        traceback=hidden.redact_value(output.traceback),
    )
    return json.dumps({"run_no": run_no, "partition_key": key, **output.to_json()})


def read_member_outputs(spec: RunSpec) -> dict[int, MemberOutput]:
    """The outputs of the partitions of a run of many, by run number.

    An incomplete line (the kernel was killed while it wrote) and one of no partition of this run are left out.
    """
    keys = {member.run_no: member.partition_key for member in spec.members}
    return {run_no: output for run_no, key, output in _read_notes(spec) if run_no in keys and keys[run_no] == key}


def _read_notes(spec: RunSpec) -> Iterator[tuple[Any, Any, MemberOutput]]:
    """Run number, key and output of each complete line; number and key are None for the run as a whole."""
    try:
        lines = spec.part.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            data = json.loads(line)
            run_no, key = data.pop("run_no"), data.pop("partition_key")
            yield run_no, key, MemberOutput.from_json(data)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue


def add_member_reports(spec: RunSpec, report: RunReport) -> RunReport:
    """The report of a run of many, with the reports of its partitions as `members`.

    A partition whose block has ended has the outcome of its block. The others have that of the whole run; but where
    this succeeded and saved data of some of them, those without data failed.
    """
    outputs = read_member_outputs(spec)
    shared = [fault for run_no, _, output in _read_notes(spec) if run_no is None for fault in output.output.faults]
    report = replace(report, faults=tuple(dict.fromkeys(shared)))
    saved_some = any(output.done or output.output.files for output in outputs.values())
    members = {
        member.run_no: _report_member(member, report, outputs.get(member.run_no), saved_some) for member in spec.members
    }
    failed = [member for member in members.values() if member.status is RunStatus.FAILED]
    if _succeeded(report) and failed:
        first, n = failed[0], len(failed)
        message = f"{n} of {len(members)} partitions failed; the first: {first.error_message}"
        report = replace(report, status=RunStatus.FAILED, error_class=first.error_class, error_message=message)
    return replace(report, members=members)


def _report_member(member: Member, whole: RunReport, output: MemberOutput | None, saved_some: bool) -> RunReport:
    own = replace(
        whole,
        run_no=member.run_no,
        run_id=member.run_id,
        partition_key=member.partition_key,
        files=(),
        metrics={},
        checks=(),
        faults=(*whole.faults, *(output.output.faults if output is not None else ())),
    )
    if output is not None and output.error_class is not None:
        error = output.error_class, output.error_message, whole.error_cell, output.traceback
        return own.with_ending(Ending(RunStatus.FAILED, *error, note=whole.note))
    made = output is not None and (output.done or (bool(output.output.files) and _succeeded(whole)))
    if output is not None and made:
        own = replace(own, files=output.output.files, metrics=output.output.metrics, checks=output.output.checks)
        return own.with_ending(Ending(RunStatus.SUCCEEDED, note=whole.note)).with_stop(output.output.stopped)
    if _succeeded(whole) and saved_some:
        message = "the run saved nothing for this partition, though it did for others"
        return replace(own, status=RunStatus.FAILED, error_class="MissingOutput", error_message=message)
    return own


def _succeeded(report: RunReport) -> bool:
    return report.status is RunStatus.SUCCEEDED


def use_single_run_variant(notebook: Any) -> None:
    """Change a notebook that was compiled from a function so that it makes many partitions, one after the other."""
    cells = notebook.metadata.get("nbpart", {}).get(VARIANT)
    if cells is None:
        return
    notebook.cells = [cell for cell in notebook.cells if cells.get(cell.get("id"), True) is not None]
    for cell in notebook.cells:
        cell.source = cells.get(cell.get("id"), cell.source)


def _split(value: Any, keys: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    kind = type(value).__module__.partition(".")[0]
    if isinstance(value, dict):
        yield from value.items()
    elif kind == "pandas" and "partition_key" in getattr(value, "columns", ()):
        for key, rows in value.groupby("partition_key", sort=False):
            yield str(key), rows.drop(columns="partition_key").reset_index(drop=True)
    elif kind in ("pyarrow", "polars") and "partition_key" in _column_names(value):
        table = value.to_arrow() if kind == "polars" else value
        yield from _split(table.to_pandas(), keys)
    else:
        raise UnsupportedTypeError(
            f"a run of many partitions saves a frame with a column partition_key, or a dict key -> value, not a "
            f"{type(value).__qualname__}; or save each: with run.partition(key) as one: one.save(...)"
        )


def _column_names(value: Any) -> list[str]:
    names = value.column_names if hasattr(value, "column_names") else getattr(value, "columns", ())
    return [str(name) for name in names]
