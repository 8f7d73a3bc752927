"""Finding the error of a cell, also where its outputs and the kernel's reply differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nbpart.run.executed_notebook import strip_ansi
from nbpart.run.kernels.error_report import SOURCE
from nbpart.run.report import Ending
from nbpart.states import RunStatus

#: The messages of a SystemExit that means success: `sys.exit()`, `sys.exit(0)`, `SystemExit(None)`, `sys.exit(False)`.
_GOOD_CODES = frozenset({"", "0", "None", "False"})


@dataclass(frozen=True, slots=True)
class CellError:
    """An error that a cell raised or showed.

    `ends_cell`: nothing more of the cell was executed. `is_raised`: a statement raised it, other than a
    KeyboardInterrupt that comes from outside. `call`: the function that raised a SystemExit, for a message.
    """

    name: str
    message: str
    traceback: str
    ends_cell: bool
    is_raised: bool = False
    call: str = "sys.exit"

    @property
    def is_good_exit(self) -> bool:
        return self.name == "SystemExit" and self.message in _GOOD_CODES

    def to_ending(self, index: int) -> Ending:
        """How a run ends by it; `index` is that of its cell, from 0."""
        number = index + 1
        if self.name == "KeyboardInterrupt" and not self.is_raised:
            message = f"the kernel was interrupted in cell {number}"
            return Ending(RunStatus.CANCELLED, self.name, message, index, self.traceback or None)
        message = self.message
        if self.name == "KeyboardInterrupt":
            message = message or f"cell {number} raised it; nobody interrupted the run"
        elif self.name == "SystemExit" and self.ends_cell:
            message = f"cell {number} called {self.call}({message}), so the run did not come to its end; leave it out"
        elif self.name == "SystemExit":
            message = f"what cell {number} executed called sys.exit({message})"
        return Ending(RunStatus.FAILED, self.name, message, index, self.traceback or None)


def find_cell_error(
    outputs: Iterable[Mapping[str, Any]], reply: Mapping[str, Any], elsewhere: Sequence[Mapping[str, Any]] = ()
) -> CellError | None:
    """The error of a cell that was executed, None where there is none.

    outputs: its own outputs. reply: the content of the reply to it. elsewhere: errors that it showed in other places,
    like outputs. The error that ended the cell stands before others; of these the first counts, and one that exits with
    a good code does not.
    """
    error_outputs = [output for output in outputs if output["output_type"] == "error"] + list(elsewhere)
    payloads = [part for part in reply.get("payload") or () if part.get("source") == SOURCE]
    if reply.get("status") == "error":
        return _ending_error(reply, error_outputs, payloads)
    errors = [_read(error, ends_cell=False) for error in (*error_outputs, *payloads)]
    first = next((error for error in errors if not error.is_good_exit), None)
    raised = any(note["raised"] for note in payloads if first is not None and note["ename"] == first.name)
    return None if first is None else replace(first, is_raised=raised)


def find_exit(reply: Mapping[str, Any]) -> CellError | None:
    """The exit that a cell asked its kernel for by `exit()` or `quit()`, as an error with its code."""
    exits = [part for part in reply.get("payload") or () if part.get("source") == "ask_exit"]
    if not exits:
        return None
    # IPython takes a truth value for "keep the kernel", and whoever gives something else means a code
    code = exits[-1].get("keepkernel")
    message = "" if isinstance(code, bool) or code is None else str(code)
    return CellError("SystemExit", message, "", ends_cell=True, call="exit")


def _ending_error(
    reply: Mapping[str, Any], error_outputs: Sequence[Mapping[str, Any]], payloads: Sequence[Mapping[str, Any]]
) -> CellError:
    reported: Mapping[str, Any] = payloads[-1] if payloads else reply
    # showing the cell's value failed, and the kernel knows no error
    if reply.get("ename") == "NoneType" and error_outputs:
        reported = error_outputs[0]
    error = _read(reported, ends_cell=True)
    same = [output for output in error_outputs if output["ename"] == error.name]
    traceback = _join(same[-1]["traceback"]) if same else error.traceback or _join(reply.get("traceback") or ())
    return replace(error, traceback=traceback)


def _read(reported: Mapping[str, Any], *, ends_cell: bool) -> CellError:
    name, message = str(reported.get("ename") or "Error"), strip_ansi(str(reported.get("evalue") or ""))
    return CellError(name, message, _join(reported.get("traceback") or ()), ends_cell, bool(reported.get("raised")))


def _join(traceback: str | Sequence[str]) -> str:
    return strip_ansi(traceback if isinstance(traceback, str) else "\n".join(traceback))
