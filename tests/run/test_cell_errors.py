"""Of every way in which code of a cell can fail, the reported error is the one that happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import output_from_msg

from nbpart.run.cell_errors import CellError, find_cell_error, find_exit
from nbpart.run.kernels.error_report import report_code
from nbpart.states import RunStatus

Execute = Callable[..., CellError | None]

SILENT = "class Silent(Exception):\n    def __str__(self): {}\n    def __repr__(self): {}\n"
GROUP = "raise ExceptionGroup('both', [ValueError('one'), TypeError('two')])"
# as rich.traceback.install does
RICH = "kept, get_ipython()._showtraceback = get_ipython()._showtraceback, lambda *a: print('pretty')\n"
PLAIN = "\nget_ipython()._showtraceback = kept"
SHOW = "try:\n    {}\nexcept Exception:\n    get_ipython().showtraceback()\nx = 1"
BAD_REPR = "class A:\n    def __repr__(self): 1 / 0\n"
# Code of a cell, and the class and message that it is to fail with; a part of the traceback that has to be there.
ERRORS: dict[str, tuple[str, str, str, str]] = {
    "capture": ("%%capture\n1 / 0", "ZeroDivisionError", "division by zero", "1 / 0"),
    "capture in a variable": ("%%capture seen\n1 / 0", "ZeroDivisionError", "division by zero", "1 / 0"),
    "capture of a group": (f"%%capture\n{GROUP}", "ExceptionGroup", "both (2 sub-exceptions)", "TypeError: two"),
    "capture of a magic": ("%%capture\n%nosuch", "UsageError", "Line magic function `%nosuch` not found.", ""),
    "capture of a syntax error": ("%%capture\nif:", "SyntaxError", "invalid syntax", ""),
    "nested": ("get_ipython().run_cell('1 / 0')\nx = 1", "ZeroDivisionError", "division by zero", "1 / 0"),
    "nested, silent": ("get_ipython().run_cell('1 / 0', silent=True);", "ZeroDivisionError", "division by zero", ""),
    "nested group": (f"get_ipython().run_cell({GROUP!r});", "ExceptionGroup", "both", "ValueError: one"),
    "nested, awaited": (
        "ip = get_ipython()\nresult = await ip.run_cell_async('1/0', transformed_cell='1/0')",
        "ZeroDivisionError",
        "division by zero",
        "",
    ),
    "nested, with a handler of its own": (
        "ip = get_ipython()\nip.set_custom_exc((LookupError,), lambda *a, **k: print('handled'))\n"
        "ip.run_cell('{}[1]')\nip.set_custom_exc((), None)",
        "KeyError",
        "1",
        "",
    ),
    "script": ("%run fails.py\nx = 1", "ZeroDivisionError", "division by zero", "fails.py"),
    "script with a group": ("%run groups.py\nx = 1", "ExceptionGroup", "both", "groups.py"),
    "script that exits": ("%run exits.py\nx = 1", "SystemExit", "3", ""),
    "time": ("%%time\n1 / 0", "ZeroDivisionError", "division by zero", "1 / 0"),
    "timeit": ("%timeit -n1 -r1 1 / 0", "ZeroDivisionError", "division by zero", "1 / 0"),
    "shell": ("%%bash\nexit 3", "CalledProcessError", "status 3", ""),
    "another language": ("%%script false\nx", "CalledProcessError", "status 1", ""),
    "shown by a library": (SHOW.format("1 / 0"), "ZeroDivisionError", "division by zero", "1 / 0"),
    "shown by a library, a group": (SHOW.format(GROUP), "ExceptionGroup", "both", "TypeError: two"),
    "shown prettily": (RICH + SHOW.format("1 / 0") + PLAIN, "ZeroDivisionError", "division by zero", "1 / 0"),
    "no message": (SILENT.format("1 / 0", "1 / 0") + "raise Silent", "Silent", "be shown: ZeroDivisionError", ""),
    "no text": (SILENT.format("return 3", "return 3") + "raise Silent", "Silent", "cannot be shown: TypeError", ""),
    "no message, captured": (
        "%%capture\n" + SILENT.format("return 3", "return 3") + "raise Silent",
        "Silent",
        "cannot be shown: TypeError",
        "",
    ),
    "interrupting message": (SILENT.format("raise KeyboardInterrupt", 0) + "raise Silent", "Silent", "Interrupt", ""),
    "no traceback": (
        "class Odd(Exception):\n    def _render_traceback_(self): raise ValueError('x')\nraise Odd('odd')",
        "Odd",
        "odd",
        "",
    ),
    "debugger": ("%pdb on\nget_ipython().run_cell('1 / 0')\n%pdb off", "ZeroDivisionError", "division by zero", ""),
    "group": (GROUP, "ExceptionGroup", "both (2 sub-exceptions)", "ValueError: one"),
    "notes": ("error = ValueError('v')\nerror.add_note('third row')\nraise error", "ValueError", "v", "third row"),
    "chained": ("try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError('k') from e", "KeyError", "'k'", "1 / 0"),
    "syntax": ("x = = 1", "SyntaxError", "invalid syntax", "x = = 1"),
    "indentation": ("if 1:\nx = 1", "IndentationError", "expected an indented block", ""),
    "own class": ("class Mine(ValueError): pass\nraise Mine('m')", "Mine", "m", "raise Mine"),
    "endless": ("raise ValueError('x' * 3_000_000)", "ValueError", "x" * 1000, ""),
    "escapes": (
        r"raise ValueError('\x1b[31mred\x1b(B\x1b[m \x1b]8;;http://a\x1b\\link\x1b]8;;\x07.')",
        "ValueError",
        "red link.",
        "",
    ),
    "half a pair": (r"raise ValueError('a\ud800b\udce9c')", "ValueError", r"a\ud800b\udce9c", r"a\ud800b"),
    "repr of a result": (BAD_REPR + "A()", "ZeroDivisionError", "division by zero", "__repr__"),
    "repr of a display": (BAD_REPR + "display(A())", "ZeroDivisionError", "division by zero", "__repr__"),
    "raised interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt", "", ""),
}  # fmt: skip
FINE = {
    "caught": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)",
    "caught around a nested call": "try:\n    eval('1 / 0')\nexcept ZeroDivisionError:\n    pass",
    "shown and cleared": SHOW.format("1 / 0") + "\nfrom IPython.display import clear_output\nclear_output()",
    "shell that may fail": "%%bash --no-raise-error\nfalse",
    "nested": "get_ipython().run_cell('x = 1');",
    "captured": "%%capture\nprint(1)",
    "script that exits well": "%run leaves.py",
}


@pytest.fixture(scope="module")
def execute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Execute]:
    """Executes a cell in an IPython kernel as runs have it, and finds its error."""
    folder = tmp_path_factory.mktemp("cells")
    (folder / "fails.py").write_text("1 / 0")
    (folder / "groups.py").write_text(GROUP)
    (folder / "exits.py").write_text("import sys\nsys.exit(3)")
    (folder / "leaves.py").write_text("import sys\nsys.exit(0)")
    lines = ["--HistoryManager.hist_file=:memory:", f"--IPKernelApp.exec_lines={report_code()}"]
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=lines, cwd=str(folder))

    def take(code: str, interrupt: bool = False) -> CellError | None:
        client.execute_interactive("%reset -f", silent=True, timeout=60)  # no case leans on one before it
        outputs: list[Any] = []

        def collect(message: dict[str, Any]) -> None:
            kind = message["msg_type"]
            if kind in ("stream", "error", "display_data", "execute_result"):
                outputs.append(output_from_msg(message))  # type: ignore[no-untyped-call]
                if interrupt and len(outputs) == 1:
                    manager.interrupt_kernel()
            elif kind == "clear_output":
                outputs.clear()

        reply = client.execute_interactive(code, output_hook=collect, timeout=60, allow_stdin=False)
        return find_cell_error(outputs, reply["content"])

    yield take
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.kernel
@pytest.mark.parametrize("name", ERRORS)
def test_the_reported_error_is_the_one_that_happened(execute: Execute, name: str) -> None:
    code, error_class, message, part = ERRORS[name]
    error = execute(code)
    assert error is not None
    assert (error.name, message in error.message) == (error_class, True), error
    assert part in error.traceback
    assert "\x1b" not in error.message + error.traceback
    (error.name + error.message + error.traceback).encode()
    assert error.to_ending(0).status is RunStatus.FAILED


@pytest.mark.kernel
@pytest.mark.parametrize("name", FINE)
def test_what_code_deals_with_itself_is_no_error(execute: Execute, name: str) -> None:
    assert execute(FINE[name]) is None


@pytest.mark.kernel
@pytest.mark.parametrize("first", ["", "%%capture --no-stdout\n"])
def test_who_interrupts_a_kernel_cancels_its_run(execute: Execute, first: str) -> None:
    error = execute(f"{first}print('now', flush=True)\nwhile True: pass", interrupt=True)
    assert error is not None
    assert error.to_ending(2).status is RunStatus.CANCELLED
    assert error.to_ending(2).error_message == "the kernel was interrupted in cell 3"


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("code", "call", "is_good"),
    [
        ("import sys\nsys.exit()", "sys.exit()", True),
        ("import sys\nsys.exit(0)", "sys.exit(0)", True),
        ("raise SystemExit", "sys.exit()", True),
        ("raise SystemExit(None)", "sys.exit(None)", True),
        ("import sys\nsys.exit(2)", "sys.exit(2)", False),
        ("import sys\nsys.exit('no data')", "sys.exit(no data)", False),
    ],
)
def test_an_exit_is_good_or_bad_by_its_code(execute: Execute, code: str, call: str, is_good: bool) -> None:
    error = execute(code)
    assert error is not None
    assert (f"{error.call}({error.message})", error.is_good_exit, error.ends_cell) == (call, is_good, True)
    assert call in (error.to_ending(4).error_message or "")


@pytest.mark.parametrize(
    ("given", "message", "is_good"),
    [(False, "", True), (True, "", True), (None, "", True), (0, "0", True), (3, "3", False), ("why", "why", False)],
)
def test_exit_takes_a_code_as_python_does(given: Any, message: str, is_good: bool) -> None:
    error = find_exit({"payload": [{"source": "page"}, {"source": "ask_exit", "keepkernel": given}]})
    assert error is not None
    assert (error.message, error.is_good_exit, error.call) == (message, is_good, "exit")
    assert find_exit({"payload": []}) is None


def test_a_reply_with_few_fields_is_read() -> None:
    shown = {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["a", "b"]}
    assert find_cell_error([shown], {"status": "error", "ename": "E", "evalue": "e"}) == CellError(
        "E", "e", "a\nb", True
    )
    assert find_cell_error([], {"status": "error"}) == CellError("Error", "", "", True)
    assert find_cell_error([], {"status": "ok"}, [shown]) == CellError("E", "e", "a\nb", False)
    assert find_cell_error([{"output_type": "stream", "text": "E: e"}], {"status": "ok"}) is None


def test_a_report_needs_nothing_of_nbpart(tmp_path: Path) -> None:
    source = Path(report_code.__code__.co_filename).read_text("utf-8")
    assert "import nbpart" not in source
    assert "from nbpart" not in source
