"""What the IPython kernel of a run executes first, so that every error of a cell is reported.

This file's text is sent to kernels of any environment: it needs nothing but Python and IPython.
"""

from __future__ import annotations

import dis
import functools
import inspect
import sys
import traceback
from pathlib import Path
from typing import Any

#: The source of the payloads by which the reply to a cell reports errors, one each, in their order.
SOURCE = "nbpart_error"


def report_code() -> str:
    """A line that lets an IPython kernel report every error of a cell; see `install`."""
    source = Path(__file__).read_text("utf-8")
    return f"(lambda ns: (exec({source!r}, ns), ns['install'](get_ipython()))[1])({{}})"


def install(shell: Any) -> None:
    """Let the replies of a shell report the errors of their cells, also of code that a cell had executed.

    Jupyter's own messages do not have all of them: an ExceptionGroup, or an error that cannot be shown, is only
    printed, and one of a nested ``run_cell`` does not count. An exception that cannot say its own message breaks the
    reply. And a debugger, which would wait for nobody here, hides the error that it was to show.
    """
    report = _Report(shell)
    for name in ("run_cell_async", "showtraceback", "_showtraceback", "_format_exception_for_storage"):
        original = getattr(shell, name, None)
        if original is not None:
            wrapped: Any = functools.wraps(original)(functools.partial(getattr(report, name), original))
            wrapped.__signature__ = inspect.signature(original)  # the kernel asks for it at each cell
            setattr(shell, name, wrapped)


class _Report:
    """Notes errors as payloads of the reply; each method but the private ones stands in the way of the shell's own."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._shown = 0
        self._last: BaseException | None = None

    async def run_cell_async(self, original: Any, /, *args: Any, **options: Any) -> Any:
        before = self._shown
        result = await original(*args, **options)
        for name in ("error_before_exec", "error_in_exec"):
            error = getattr(result, name)
            if error is not None:
                self._note(error, is_shown=self._shown != before)
                if not _can_be_said(error):
                    setattr(result, name, _stand_in(error))  # the kernel's reply says it by str()
        self._last = None
        return result

    def showtraceback(self, original: Any, /, *args: Any, **options: Any) -> None:
        given = args[0] if args else options.get("exc_tuple")
        error = (given or sys.exc_info())[1]
        before, asks = self._shown, self._shell.call_pdb
        self._shell.call_pdb = False
        try:
            original(*args, **options)
        finally:
            self._shell.call_pdb = asks
        if error is not None and self._shown == before:
            self._note(error, is_shown=False)

    def _showtraceback(self, original: Any, /, etype: Any, evalue: Any, stb: Any) -> None:
        lines = [_encodable(line) for line in stb]
        original(etype, evalue if _can_be_said(evalue) else _stand_in(evalue), lines)
        self._shown += 1

    def _format_exception_for_storage(self, original: Any, /, exception: Any, *args: Any, **options: Any) -> Any:
        if not _can_be_said(exception):
            exception = _stand_in(exception).with_traceback(exception.__traceback__)
        return original(exception, *args, **options)

    def _note(self, error: BaseException, *, is_shown: bool) -> None:
        # what a profile executes at its start is of no cell
        if error is self._last or self._shell.execution_count <= 1:
            return
        self._last = error
        payload = {
            "source": SOURCE,
            "ename": type(error).__name__,
            "evalue": _say(error),
            "traceback": "" if is_shown else _format(error),
            "raised": _is_raised(error),
        }
        self._shell.payload_manager.write_payload(payload, single=False)


def _say(error: BaseException) -> str:
    try:
        return _encodable(str(error))
    except BaseException as second:  # noqa: BLE001 - an exception of the user's own, with a fault of its own
        return f"(its message cannot be shown: {type(second).__name__})"


def _can_be_said(error: BaseException) -> bool:
    try:
        str(error).encode()
    except BaseException:  # noqa: BLE001 - as above
        return False
    return True


def _stand_in(error: BaseException) -> Exception:
    kind: type[Exception] = type(type(error).__name__, (Exception,), {})
    return kind(_say(error))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _format(error: BaseException) -> str:
    own = error.__traceback__
    while own is not None and own.tb_frame.f_globals.get("__name__") == "IPython.core.interactiveshell":
        own = own.tb_next
    return _encodable("".join(traceback.format_exception(type(error), error, own)))


def _is_raised(error: BaseException) -> bool:
    """Whether a statement raised it: a KeyboardInterrupt comes from outside else."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None or place.tb_lasti < 0:
        return False
    return place.tb_frame.f_code.co_code[place.tb_lasti] == dis.opmap["RAISE_VARARGS"]
