"""A run that is killed keeps every output that it had shown: in its log, and in its executed notebook."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from papermill.execute import ERROR_MARKER_TAG

from nbpart.run.kernels import zygotes
from nbpart.run.notebook import execute
from nbpart.run.recovery import recover_notebook
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from tests.run.conftest import cell_states, make_spec, processes_of, wait_for

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only"),
]
SHOW = """
import os, signal, sys
from IPython.display import HTML, display
shown = display({'state': 0}, display_id=True)
for n in range(300):
    print('line', n)
    if n % 3 == 0: display({'display': n})
    if n % 5 == 0: print('error', n, file=sys.stderr, flush=True)
    shown.update({'state': n})
os.write(1, b'past the stream\\n')
"""
DEATHS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "abort": "os.abort()",
    "exit": "os._exit(3)",
}


def read_outputs(spec: RunSpec, cell: int) -> tuple[str, str, list[str]]:
    """What a cell printed to each stream, and what it displayed."""
    outputs = nbformat.read(spec.locate(spec.output_notebook), as_version=4).cells[cell].outputs
    texts = dict.fromkeys(("stdout", "stderr"), "")
    for output in outputs:
        if output.output_type == "stream":
            texts[output.name] += output.text
    displays = [output.data["text/plain"] for output in outputs if output.output_type == "display_data"]
    return texts["stdout"], texts["stderr"], displays


def check_shown(spec: RunSpec, count: int) -> None:
    out, err, displays = read_outputs(spec, 1)
    assert [int(n) for n in re.findall(r"^line (\d+)$", out, re.M)] == list(range(count))
    assert [int(n) for n in re.findall(r"^error (\d+)$", err, re.M)] == list(range(0, count, 5))
    assert displays[0] == str({"state": count - 1})
    assert displays[1:] == [str({"display": n}) for n in range(0, count, 3)]


def test_what_papermill_said_of_an_earlier_error_moves_no_output_of_a_run_that_dies(tmp_path: Path) -> None:
    said = nbformat.v4.new_markdown_cell("An error", metadata={"tags": [ERROR_MARKER_TAG]})
    result = execute(
        spec := make_spec(tmp_path, "said", said, "1", f"print('last')\nimport os, signal\n{DEATHS['killed']}", "never")
    )
    assert (result.error_class, result.error_cell) == ("DeadKernel", 1)
    assert read_outputs(spec, 1)[0] == "last\n"
    assert [state for state, _ in cell_states(spec)] == ["completed", "failed", "pending"]


@pytest.mark.parametrize("death", DEATHS)
def test_what_was_shown_before_a_kernel_died_is_in_its_notebook_and_its_log(tmp_path: Path, death: str) -> None:
    spec = make_spec(tmp_path, death, "x = 1", f"{SHOW}\nprint('last', end='')\n{DEATHS[death]}", "never")
    result = execute(spec)
    assert (result.status, result.error_class, result.error_cell) == (RunStatus.FAILED, "DeadKernel", 1)
    check_shown(spec, 300)
    out = read_outputs(spec, 1)[0]
    log = Path(spec.locate(spec.log)).read_text("utf-8")
    for text in (out, log):
        assert text.count("past the stream") == text.count("last") == 1
    assert [int(n) for n in re.findall(r"^line (\d+)$", log, re.M)] == list(range(300))
    assert [state for state, _ in cell_states(spec)] == ["completed", "failed", "pending"]
    assert not spec.journal.exists()


def test_what_was_shown_before_everything_died_is_recovered(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "all", "x = 1", SHOW + "\nopen('shown', 'w').close()\nwhile True: pass", "never")
    script = f"from nbpart.run import RunSpec, execute\nexecute(RunSpec.read({str(spec.write())!r}))"
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        wait_for((Path(spec.locate(spec.folder)) / "shown").exists)
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: processes_of("all") == [])
    assert recover_notebook(spec.path)
    check_shown(spec, 300)
    assert [state for state, _ in cell_states(spec)] == ["completed", "failed", "pending"]
    about = nbformat.read(spec.locate(spec.output_notebook), as_version=4).metadata.nbpart
    assert (about.status, about.run_id) == ("interrupted", "all")


def test_without_a_journal_nothing_is_recovered(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "none", "x = 1")
    spec.write()
    assert not recover_notebook(spec.path)
    os.symlink("/etc/hostname", spec.journal)
    with pytest.raises(Exception, match="link"):
        recover_notebook(spec.path)
