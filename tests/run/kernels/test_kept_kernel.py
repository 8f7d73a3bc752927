"""Kernels of failed runs that are kept: what is in them, and that they go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbpart.errors import MissingInputError
from nbpart.run.kernels import forking
from nbpart.run.kernels.kept_kernel import KeptKernel
from nbpart.run.notebook import execute
from nbpart.run.report import RunReport
from nbpart.states import RunStatus
from tests.run.conftest import PACKAGE_ROOT, make_spec, processes_of, wait_for

pytestmark = pytest.mark.kernel
CELLS = (
    "import pandas as pd\nsecret = 42\nframe = pd.DataFrame({'a': [1]})",
    "class Shy:\n    def __repr__(self): raise ValueError\nshy = Shy()\nlong = 'x' * 10_000",
    "def halve(number):\n    local = number * 2\n    return pd.Series([local])[number / 0]\nhalve(21)",
)


@pytest.mark.parametrize("kind", ["prewarmed", "stock"])
def test_a_kept_kernel_can_be_inspected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "stock":
        monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    file = tmp_path / "kept" / "kernel.json"
    spec = make_spec(tmp_path, f"kept-{kind}", *CELLS, keep_kernel=str(file.relative_to(tmp_path)), keep_kernel_s=600.0)
    result = execute(spec)
    assert (result.status, result.error_class, result.error_cell) == (RunStatus.FAILED, "ZeroDivisionError", 2)
    assert (result.kernel_kind, result.kept_kernel) == (kind, str(file.relative_to(tmp_path)))
    assert RunReport.read(spec.locate(spec.report)) == result
    assert file.stat().st_mode & 0o777 == 0o600
    kernel = KeptKernel(file)
    assert kernel.is_alive
    found = kernel.inspect()
    variables = {variable.name: variable for variable in found.variables}
    assert variables["secret"].repr == "42"
    assert variables["frame"].type.endswith("DataFrame")
    assert "ValueError" in variables["shy"].repr
    assert len(variables["long"].repr) < 3000
    assert not {"In", "Out", "exit", "get_ipython"} & set(variables)
    assert found.frame is not None
    assert (found.frame.function, found.frame.line, found.frame.is_cell) == ("halve", 3, True)
    assert {variable.name: variable.repr for variable in found.frame.variables} == {"number": "21", "local": "42"}
    assert kernel.execute("print(secret); secret + 1") == "42\n43\n"
    assert "NameError" in kernel.execute("nothing_here")
    assert str(file) in kernel.console_command()
    kernel.shutdown()
    assert not kernel.is_alive
    wait_for(lambda: processes_of(spec.run_id) == [])
    with pytest.raises(MissingInputError, match="no kernel is kept"):
        KeptKernel(file)


@pytest.mark.parametrize("kind", ["prewarmed", "stock"])
def test_a_kept_kernel_ends_after_its_time_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "stock":
        monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    file = tmp_path / "kernel.json"
    cell = "import subprocess\nsubprocess.Popen(['sleep', '600'])\n1 / 0"
    spec = make_spec(tmp_path, f"brief-{kind}", cell, keep_kernel=str(file.relative_to(tmp_path)), keep_kernel_s=1.0)
    execute(spec)
    wait_for(lambda: processes_of(spec.run_id) == [] and not file.exists())


@pytest.mark.parametrize("cell", ["1", "import os\nos._exit(1)"], ids=["succeeds", "dies"])
def test_only_the_kernel_of_a_cell_that_raised_is_kept(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "kernel.json"
    result = execute(make_spec(tmp_path, "notkept", cell, keep_kernel=str(file.relative_to(tmp_path))))
    assert result.kept_kernel is None
    assert not file.exists()
    assert processes_of("notkept") == []


@pytest.mark.parametrize("ending", ["normal", "killed"])
def test_a_kept_kernel_outlives_only_the_normal_end_of_its_owner(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "kernel.json"
    spec = make_spec(
        tmp_path,
        f"outlives-{ending}",
        "x = 7",
        "1 / 0",
        keep_kernel=str(file.relative_to(tmp_path)),
        keep_kernel_s=600.0,
    )
    script = f"from nbpart.run import RunSpec, execute\nexecute(RunSpec.read({str(spec.write())!r}))\n" + (
        "" if ending == "normal" else "import os\nos.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": PACKAGE_ROOT}
    subprocess.run([sys.executable, "-c", script], check=ending == "normal", env=environment, timeout=120)
    kernel = KeptKernel(file)
    if ending == "normal":
        assert kernel.is_alive
        assert kernel.execute("x") == "7\n"
        kernel.shutdown()
    wait_for(lambda: not kernel.is_alive and processes_of(spec.run_id) == [])
