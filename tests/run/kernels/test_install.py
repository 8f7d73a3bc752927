"""The pre-warmed kernel for other clients, and the engine for plain papermill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from nbpart.errors import DeclarationError
from nbpart.run.kernels import zygotes
from nbpart.run.kernels.forked_kernel import PrewarmError
from nbpart.run.kernels.install import DISPLAY_NAME, install_kernelspec, remove_kernelspec
from nbpart.run.papermill_engine import ENGINE_NAME
from tests.run.conftest import PACKAGE_ROOT, wait_for, write_notebook

PARENT = "import os\nprint(os.getcwd())\nprint('zygote' in open(f'/proc/{os.getppid()}/cmdline').read())"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    folder = install_kernelspec("nbp-warm", preload=["wave"])
    assert folder.is_relative_to(tmp_path)
    return "nbp-warm"


def text_of(path: Path, cell: int = 0) -> str:
    outputs = nbformat.read(path, as_version=4).cells[cell].outputs
    return "".join(output.text for output in outputs if output.output_type == "stream")


def test_install_replace_and_remove(installed: str) -> None:
    install_kernelspec(installed)
    spec = KernelSpecManager().get_kernel_spec(installed)
    assert (spec.display_name, spec.argv[0], spec.language) == (DISPLAY_NAME, sys.executable, "python")
    assert spec.metadata["kernel_provisioner"]["config"] == {"preload": []}
    assert (remove_kernelspec(installed), remove_kernelspec(installed)) == (True, False)
    with pytest.raises(DeclarationError, match="cannot name a kernel"):
        install_kernelspec("a b/c")


@pytest.mark.kernel
@pytest.mark.parametrize("forks", [True, False], ids=["forked", "refused"])
def test_plain_papermill_starts_it(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: bool
) -> None:
    def refuse(*_: object) -> None:
        raise PrewarmError("refused")

    if not forks:
        monkeypatch.setattr(zygotes.Zygote, "start_kernel", refuse)
    write_notebook(tmp_path / "in.ipynb", [PARENT, "import sys\nprint('wave' in sys.modules)"], installed)
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(tmp_path / "in.ipynb", out, progress_bar=False, cwd=tmp_path)
    assert text_of(out).splitlines() == [str(tmp_path), str(forks)]
    assert text_of(out, 1).strip() == str(forks)


@pytest.mark.kernel
def test_the_engine_of_plain_papermill(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", [PARENT, "1 / 0", "1"])
    out, folder = tmp_path / "out.ipynb", tmp_path / "folder"
    folder.mkdir()
    before = os.getcwd()
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        papermill.execute_notebook(
            tmp_path / "in.ipynb", out, engine_name=ENGINE_NAME, progress_bar=False, folder=str(folder)
        )
    assert os.getcwd() == before
    cells = [cell for cell in nbformat.read(out, as_version=4).cells if "papermill" in cell.metadata]
    statuses = [c.metadata.papermill.status for c in cells if "status" in c.metadata.papermill]
    assert statuses == ["completed", "failed", "pending"]
    assert cells[0].outputs[0].text.splitlines() == [str(folder), "True"]


@pytest.mark.kernel
def test_ctrl_c_ends_the_engine_of_plain_papermill_with_a_true_record(tmp_path: Path) -> None:
    mark = tmp_path / "running"
    write_notebook(tmp_path / "in.ipynb", ["1", f"open({str(mark)!r}, 'w').close()\nwhile True: pass", "1"])
    command = [sys.executable, "-m", "papermill", "--engine", "nbpart", "--no-progress-bar", "in.ipynb", "out.ipynb"]
    environment = {**os.environ, "PYTHONPATH": PACKAGE_ROOT}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as process:
        wait_for(mark.exists)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode != 0
    notebook = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [cell.metadata.papermill.status for cell in notebook.cells] == ["completed", "failed", "pending"]
    assert notebook.metadata.nbpart.status == "cancelled"


@pytest.mark.kernel
def test_a_kernel_writes_nothing_to_its_callers_output(installed: str, tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", ["import sys\nprint('said')\nsys.argv[0]"], installed)
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "in.ipynb", "-"]
    environment = {**os.environ, "PYTHONPATH": PACKAGE_ROOT}
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, timeout=120, check=True)
    said, name = nbformat.reads(done.stdout.decode(), as_version=4).cells[0].outputs
    assert said.text == "said\n"
    assert "ipykernel_launcher.py" in name.data["text/plain"]


@pytest.mark.kernel
def test_limits_of_plain_papermill_hold_in_the_engine(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", ["import time\nfor _ in range(4): time.sleep(0.4)", "while True: pass"])
    out, options = tmp_path / "out.ipynb", {"engine_name": ENGINE_NAME, "progress_bar": False}
    with pytest.raises(DeadKernelError, match=r"no answer within 0\.001 s"):
        papermill.execute_notebook(tmp_path / "in.ipynb", out, start_timeout=0.001, **options)
    with pytest.raises(CellTimeoutError, match="a cell took longer than 3 s"):
        papermill.execute_notebook(tmp_path / "in.ipynb", out, execution_timeout=3, **options)
    cells = [cell for cell in nbformat.read(out, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.metadata.papermill.status for cell in cells] == ["completed", "failed"]
    with pytest.raises(NoSuchKernel, match="nbp-nowhere"):
        papermill.execute_notebook(tmp_path / "in.ipynb", out, kernel_name="nbp-nowhere", **options)


@pytest.mark.kernel
@pytest.mark.parametrize("every", [0, 1], ids=["never", "each second"])
def test_the_engine_saves_in_the_middle_of_a_cell_as_often_as_autosave_says(tmp_path: Path, every: int) -> None:
    out = tmp_path / "out.ipynb"
    looks = (
        "import time\nfrom pathlib import Path\ntime.sleep(1)\nprint('said', flush=True)\nend = time.monotonic() + 4\n"
        f"while 'said\\\\n' not in (text := Path({str(out)!r}).read_text()) and time.monotonic() < end:\n"
        "    time.sleep(0.02)\nprint('said\\\\n' in text)"
    )
    write_notebook(tmp_path / "in.ipynb", [looks])
    papermill.execute_notebook(
        tmp_path / "in.ipynb", out, engine_name=ENGINE_NAME, progress_bar=False, autosave_cell_every=every
    )
    assert text_of(out).splitlines()[-1] == str(bool(every))
