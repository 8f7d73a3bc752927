"""Judging a partition: a check is called with what its arguments name, and what it returns or raises is its result."""

from __future__ import annotations

import json
import math
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from nbpart.assets.check_definition import CheckArgument
from nbpart.errors import MissingInputError, UnknownNameError, UnsupportedTypeError, nearest
from nbpart.run.check_result import CheckResult, CheckSpec
from nbpart.run.input_files import explain_fault, name_data
from nbpart.run.source_functions import define_function
from nbpart.run.spec import RunSpec
from nbpart.run.texts import MOST_MESSAGE, MOST_TRACEBACK, describe_error, show_text, take_scalar
from nbpart.storage.file_record import FileRecord
from nbpart.storage.formats import load_file
from nbpart.storage.integrity import find_fault_at_load
from nbpart.storage.named_format import find_named, runs_code
from nbpart.storage.store import Store

#: The longest metadata that are kept of one check and partition, in characters of JSON.
MOST_METADATA = 100_000


class JudgedRun(Protocol):
    """The run whose data a check judges, as its arguments are taken from it."""

    @property
    def asset(self) -> str: ...
    @property
    def partition_key(self) -> str | None: ...
    @property
    def partition_window(self) -> Any: ...
    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def columns(self) -> dict[str, Any]: ...
    def load(self, name: str | None = None) -> Any: ...


def judge(check: CheckSpec, run: JudgedRun, load_data: Callable[[], Any], locate: Callable[[str], str]) -> CheckResult:
    """Call a check of the partition of a run, and print what it came to.

    ``load_data`` gives what is judged, ``locate`` makes a path of its code absolute. Whatever it raises but
    KeyboardInterrupt fails it.
    """
    assert check.code is not None, "a cell is executed, not called"
    where = run.asset if run.partition_key is None else f"{run.asset}, partition {run.partition_key!r}"
    try:
        function = define_function(f"check {check.name}", check.code.with_paths(locate))
        answer = function(**{argument.name: _bind(argument, run, load_data) for argument in check.arguments})
        passed, metadata = read_answer(answer)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - what the user's own code raises
        trace = error.__traceback__ and error.__traceback__.tb_next  # without the line above
        text = show_text("".join(traceback.format_exception(type(error), error, trace)), MOST_TRACEBACK)
        message = show_text(f"{type(error).__name__}: {describe_error(error)}".removesuffix(": "), MOST_MESSAGE)
        print(f"nbpart: check {check.name} of {where} failed\n{text}", file=sys.stderr)
        return CheckResult(check.name, check.version, False, message, text)
    found = ", ".join(f"{name}={value!r:.60}" for name, value in metadata.items())
    print(f"nbpart: check {check.name} of {where} {'passed' if passed else 'failed'}{f': {found}' if found else ''}")
    return CheckResult(check.name, check.version, passed, None if passed else found or None, None, metadata)


def _bind(argument: CheckArgument, run: JudgedRun, load_data: Callable[[], Any]) -> Any:
    """The value of an argument of a check."""
    match argument.kind:
        case "data":
            return load_data()
        case "key":
            return run.partition_key
        case "window":
            return run.partition_window
        case "run":
            return run
        case "column":
            return {**run.columns, **run.params}[argument.name]
        case _:
            return run.load(argument.name)


def load_own(
    spec: RunSpec,
    store: Store,
    files: Mapping[str, FileRecord],
    file: str | None,
    trusted: Collection[str],
    check_trust: Callable[[], object],
) -> Any:
    """What a run has saved itself, or the data that it judges; None where that is nothing.

    Raises UnknownNameError for a named file that it has not saved, MissingInputError for data that is not what was
    recorded.
    """
    if file is not None and file not in files:
        raise UnknownNameError(f"{spec.where} saved no file named {file!r}: {nearest(file, files)}")
    saved = files.get(file or "")
    if saved is None or saved.format is None:
        return None
    if runs_code(saved.format):
        check_trust()
    fault = None
    if spec.judged is not None:
        fault = find_fault_at_load(store, saved.path, saved.format, saved.bytes, saved.data_version)
    if fault is not None:
        raise MissingInputError(explain_fault(spec.asset, spec.partition_key, spec.locate(saved.path), fault))
    return load_file(
        store,
        saved.path,
        saved.format,
        may_run_code=True,
        trusted=trusted,
        of=name_data(spec.asset, spec.partition_key),
        written_with=saved.schema if find_named(saved.format) else None,
    )


def read_answer(answer: Any) -> tuple[bool, dict[str, Any]]:
    """Whether a check passed, and what it found, of what it returned.

    Raises UnsupportedTypeError for an answer that says neither.
    """
    answer = take_scalar(answer)
    if answer is None or isinstance(answer, bool):
        return answer is not False, {}
    if not isinstance(answer, Mapping):
        raise UnsupportedTypeError(
            f"a check returns True, False, None or a dict of what it found, not a {type(answer).__qualname__}"
        )
    found = dict(answer)
    passed = take_scalar(found.pop("passed", True))
    if not isinstance(passed, bool):
        raise UnsupportedTypeError(f"'passed' in what a check returns is True or False, not {passed!r:.60}")
    metadata = {str(name): _to_plain(value) for name, value in found.items()}
    if len(json.dumps(metadata)) > MOST_METADATA:
        raise UnsupportedTypeError(
            f"what a check returns has more than {MOST_METADATA:,} characters; return what sums it up"
        )
    return passed, metadata


def _to_plain(value: Any) -> Any:
    """A value as JSON can hold it; what it has no form for as text."""
    value = take_scalar(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return show_text(value)
    if isinstance(value, Mapping):
        return {str(name): _to_plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_plain(one) for one in value]
    if hasattr(value, "tolist"):  # an array, a series
        return _to_plain(value.tolist())
    return show_text(str(value))
