"""One attempt of a run in real kernels: what happened is what the result, the notebook and the log say."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbpart.errors import ParameterError
from nbpart.run.injected_notebook import load_injected_notebook, spell_injected
from nbpart.run.kernels import forking, launch, zygotes
from nbpart.run.notebook import NotebookRun, execute
from nbpart.run.report import RunReport
from nbpart.run.spec import MANY, InputSpec, RunSpec
from nbpart.states import RunStatus
from nbpart.storage.formats import load_file
from tests.run.conftest import CONTEXT, PACKAGE_ROOT, cell_states, make_spec, processes_of, wait_for

DAY, AT = datetime.date(2024, 5, 1), datetime.datetime(2024, 5, 1, 12, 30, tzinfo=datetime.UTC)
STUBBORN = (
    "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('stubborn', flush=True)\nwhile True: pass"
)

NESTED = "%%capture\nraise ExceptionGroup('both', [ValueError('one')])"
WIDGET = "import ipywidgets\nwith ipywidgets.Output():\n    1 / 0"
SILENT = "class Silent(Exception):\n    def __str__(self): raise LookupError\nraise Silent"
ODD = "display({'text/plain': 3, 'image/png': [1], 'application/json': [2]}, raw=True)"


def tagged(source: str, tag: str) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"tags": [tag]})


def good_spec(folder: Path, run_id: str) -> RunSpec:
    params = {"day": DAY, "at": AT, "lr": 0.1}
    module = folder / "snap.py"
    module.write_text("VALUE = 'snapshot'")
    (folder / "work").mkdir()
    (folder / "work" / "nbp_local.py").write_text("VALUE = 'live'")
    return make_spec(
        folder,
        run_id,
        nbformat.v4.new_markdown_cell("# A title"),
        tagged("day = at = None\nlr = 1.0", "parameters"),
        "import nbp_local\nassert nbp_local.VALUE == 'snapshot', nbp_local.VALUE",
        CONTEXT + "import os, pandas as pd\nassert run.params == {'day': day, 'at': at, 'lr': lr}, run.params",
        "run.save(pd.DataFrame({'day': [str(day)], 'at': [at.isoformat()], 'cwd': [os.getcwd()]}))",
        "run.save({'lr': lr}, name='about')\nrun.log(accuracy=0.5)\nprint('one'); os.system('echo two')",
        params=params,
        injected=params | {"partition_key": "k", "text": 'it\'s "quoted" \U0001f600'},
        modules={"nbp_local": (str(module), str(folder / "work" / "nbp_local.py"))},
        inputs={"up": InputSpec("asset", MANY, (), ("lost",))},
    )


# What each notebook does: cells, values of its spec, and what is to come of it (class, part of the message, cell).
FAILURES: dict[str, tuple[list[Any], dict[str, Any], tuple[str, str, int | None]]] = {
    "error": (["x = 1", "{}['a']", "x"], {}, ("KeyError", "'a'", 1)),
    "syntax": (["x = 1", "if:", "x"], {}, ("SyntaxError", "invalid syntax", 1)),
    "injected": (["x = 1", "1 / 0"], {"injected": {"a": 1}}, ("ZeroDivisionError", "division", 2)),
    "exit": (["x = 1", "import os\nprint('last', flush=True)\nos._exit(3)", "x"], {}, ("DeadKernel", "exit code 3", 1)),
    "kill": (["x = 1", "import os\nos.kill(os.getpid(), 9)", "x"], {}, ("DeadKernel", "SIGKILL", 1)),
    "sysexit": (["x = 1", "import sys\nsys.exit(3)", "x"], {}, ("SystemExit", "sys.exit(3)", 1)),
    "quit": (["x = 1", "exit(3)", "x"], {}, ("SystemExit", "exit(3)", 1)),
    "raised": (["x = 1", "raise KeyboardInterrupt", "x"], {}, ("KeyboardInterrupt", "nobody interrupted", 1)),
    "captured": (["x = 1", "%%capture\n1 / 0", "x"], {}, ("ZeroDivisionError", "division", 1)),
    "nested": (["x = 1", NESTED, "x"], {}, ("ExceptionGroup", "both (1 sub-exception)", 1)),
    "widget": (["x = 1", WIDGET, "x"], {}, ("ZeroDivisionError", "division", 1)),
    "silent": (["%pdb on", SILENT, "x"], {}, ("Silent", "its message cannot be shown: LookupError", 1)),
    "loop": (["x = 1", "print('in')\nwhile True: pass", "x"], {"timeout_s": 2.5}, ("TimeoutError", "2.5 s", 1)),
    "stubborn": (["x = 1", STUBBORN, "x"], {"timeout_s": 2.5}, ("TimeoutError", "cell 2", 1)),
    "unsupported": (["x = 1", CONTEXT + "run.save(object())", "x"], {}, ("UnsupportedTypeError", "partition 'k'", 1)),
    "vanished": (
        ["x = 1", CONTEXT + "run.save('text')", "import os\nos.remove(f'../{run.output.files[0].path}')"],
        {},
        ("FileNotFoundError", "is gone", None),
    ),
    "nokernel": (["x = 1"], {"kernel_name": "no-such-kernel"}, ("NoSuchKernel", "kernelspec list", None)),
    "nofolder": (["x = 1"], {"folder": "/nowhere/at/all"}, ("MissingInputError", "/nowhere/at/all", None)),
    "nonotebook": (["x = 1"], {"notebook": "/nowhere/x.ipynb"}, ("MissingInputError", "/nowhere/x.ipynb", None)),
    "child": (
        ["import subprocess\nsubprocess.Popen(['sleep', '600'])", "import os\nos._exit(0)"],
        {},
        ("DeadKernel", "exit code 0", 1),
    ),
}


@pytest.mark.kernel
def test_a_cell_with_an_output_widget_does_not_hang_its_run(tmp_path: Path) -> None:
    cells = ["import ipywidgets", *["with ipywidgets.Output():\n    print(1)\nx = 1"] * 60]
    assert NotebookRun(make_spec(tmp_path, "r", *cells)).execute().status is RunStatus.SUCCEEDED


@dataclasses.dataclass
class Ran:
    specs: dict[str, RunSpec]
    results: dict[str, RunReport]
    kind: str


def _execute(spec: RunSpec, name: str) -> RunReport:
    return NotebookRun(spec, grace_s=0.5 if name == "stubborn" else 60.0).execute()


@pytest.fixture(scope="module", params=["prewarmed", "stock"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Every notebook above, executed once, four at a time and each in a folder of its own, with braces in its path."""
    specs, mark = {}, os.urandom(4).hex()  # other processes may run these tests too
    for name, (cells, values, _) in FAILURES.items():
        specs[name] = make_spec(tmp_path_factory.mktemp(f"{name}-{{brace}}"), f"{name}-{mark}", *cells, **values)
    specs["good"] = good_spec(tmp_path_factory.mktemp("good-{brace}"), f"good-{mark}")
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as threads:
        patch.setenv("PYTHONPATH", PACKAGE_ROOT)
        if request.param == "stock":
            patch.setattr(forking, "can_fork", lambda kernel_spec: False)
        patch.delenv("PYTEST_CURRENT_TEST")  # with it ipykernel leaves the output of subprocesses alone
        before = os.getcwd(), dict(os.environ)
        results = dict(zip(specs, threads.map(lambda name: _execute(specs[name], name), specs), strict=True))
        assert (os.getcwd(), dict(os.environ)) == before
    return Ran(specs, results, request.param)


@pytest.mark.kernel
@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_is_reported_with_its_error_and_cell(ran: Ran, name: str) -> None:
    result = ran.results[name]
    error_class, words, cell = FAILURES[name][2]
    assert (result.status, result.error_class, result.error_cell) == (RunStatus.FAILED, error_class, cell)
    assert words in (result.error_message or "")
    assert "\x1b" not in (result.traceback or "")
    spec = ran.specs[name]
    last_line = Path(spec.locate(spec.log)).read_text("utf-8").splitlines()[-1]
    assert "failed after" in last_line
    assert f"{error_class}: " in last_line
    assert RunReport.read(spec.locate(spec.report)) == result


@pytest.mark.kernel
@pytest.mark.parametrize("name", [name for name in FAILURES if FAILURES[name][2][2] is not None])
def test_the_executed_notebook_of_a_failure_says_so_and_is_valid(ran: Ran, name: str) -> None:
    cell = FAILURES[name][2][2]
    assert cell is not None
    states = cell_states(ran.specs[name])
    assert [status for status, _ in states[:cell]] == ["completed"] * cell
    assert states[cell][0] == "failed"
    assert ran.results[name].error_class in states[cell][1]
    assert states[cell + 1 :] == [("pending", [])] * (len(states) - cell - 1)
    spec = ran.specs[name]
    about = nbformat.read(spec.locate(spec.output_notebook), as_version=4).metadata
    assert about.nbpart.status == "failed"
    assert about.papermill.exception is True


@pytest.mark.kernel
def test_details_of_failures(ran: Ran) -> None:
    results = ran.results
    assert {name: results[name].exit_code for name in ("exit", "kill", "child", "error")} == {
        "exit": 3,
        "kill": -9,
        "child": 0,
        "error": None,
    }
    assert "KeyError" in (results["error"].traceback or "")
    assert "while True" in (results["loop"].traceback or "")  # interrupted first, so that the place is known
    assert results["stubborn"].traceback is None
    assert "last" in Path(ran.specs["exit"].locate(ran.specs["exit"].log)).read_text("utf-8")
    assert cell_states(ran.specs["nokernel"]) == [("pending", [])]
    assert cell_states(ran.specs["vanished"])[-1] == ("completed", [])


@pytest.mark.kernel
def test_no_process_and_no_scratch_file_is_left(ran: Ran) -> None:
    assert {name: processes_of(spec.run_id) for name, spec in ran.specs.items()} == {name: [] for name in ran.specs}
    for spec in ran.specs.values():
        left = sorted(path.name for path in Path(spec.locate(spec.report)).parent.iterdir())
        assert set(left) <= {f"{spec.run_id}-1.{ending}" for ending in ("ipynb", "json", "log")}


@pytest.mark.kernel
def test_a_successful_run_reports_data_metrics_and_usage(ran: Ran) -> None:
    spec, result = ran.specs["good"], ran.results["good"]
    assert (result.status, result.error_message) == (RunStatus.SUCCEEDED, None)
    assert result.metrics == {"accuracy": 0.5}
    assert result.missing_inputs == {"up": ("lost",)}
    assert (result.kernel, result.kernel_kind, result.kernel_notes) == ("python3", ran.kind, ())
    assert 0 < (result.cpu_s or 0) < 60
    assert 10**7 < (result.peak_rss_bytes or 0) < 10**10
    files = {file.name: file for file in result.files}
    frame = load_file(spec.store, files[""].path, files[""].format)
    assert frame.iloc[0].tolist() == ["2024-05-01", AT.isoformat(), spec.locate(spec.folder)]
    assert load_file(spec.store, files["about"].path, "json") == {"lr": 0.1}
    assert RunReport.read(spec.locate(spec.report)) == result
    written = [
        Path(spec.locate(spec.report)).read_text(),
        str(nbformat.read(spec.locate(spec.output_notebook), as_version=4).metadata),
    ]
    assert not any(spec.workspace in text for text in written)


@pytest.mark.kernel
def test_the_executed_notebook_of_a_success_says_so(ran: Ran) -> None:
    spec = ran.specs["good"]
    assert [status for status, _ in cell_states(spec)] == ["completed"] * 7
    notebook = nbformat.read(spec.locate(spec.output_notebook), as_version=4)
    assert notebook.cells[2].metadata.tags == ["injected-parameters"]
    assert notebook.metadata.papermill.exception is None
    assert notebook.metadata.papermill.parameters["day"] == "2024-05-01"
    assert notebook.metadata.nbpart == {
        "run_id": spec.run_id,
        "attempt": 1,
        "asset": "model",
        "partition_key": "k",
        "status": "succeeded",
        "error_class": None,
        "error_message": None,
    }
    log = Path(spec.locate(spec.log)).read_text("utf-8").splitlines()
    assert sorted(log[:-1]) == ["one", "two"]
    assert "succeeded after" in log[-1]


@pytest.mark.kernel
@pytest.mark.parametrize("call", ["sys.exit()", "sys.exit(0)", "exit()"])
def test_a_cell_may_end_the_run_as_a_success(tmp_path: Path, call: str) -> None:
    spec = make_spec(tmp_path, "left", "import sys", call, "1 / 0", nbformat.v4.new_markdown_cell("# End"), "1 / 0")
    result = execute(spec)
    note = f"cell 2 ended the run by {call}; the 2 code cells behind it did not run"
    assert (result.status, result.error_class, result.note) == (RunStatus.SUCCEEDED, None, note)
    assert [status for status, _ in cell_states(spec)] == ["completed", "completed", "pending", "pending", "pending"]
    assert Path(spec.locate(spec.log)).read_text("utf-8").endswith(f": {note}\n")
    assert nbformat.read(spec.locate(spec.output_notebook), as_version=4).metadata.nbpart.note == note
    assert RunReport.read(spec.locate(spec.report)) == result


@pytest.mark.kernel
def test_errors_that_a_cell_may_have_and_odd_displays_fail_nothing(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "odd", tagged("1 / 0", "raises-exception"), tagged(NESTED, "raises-exception"), ODD)
    assert execute(spec).status is RunStatus.SUCCEEDED
    assert [status for status, _ in cell_states(spec)] == ["completed"] * 3
    (shown,) = nbformat.read(spec.locate(spec.output_notebook), as_version=4).cells[2].outputs
    assert shown.data == {"text/plain": "3", "application/json": [2]}
    log = Path(spec.locate(spec.log)).read_text("utf-8")
    assert "[nbpart] cell 3: a display's text/plain is no text (int) and was spelled as one" in log
    assert "[nbpart] cell 3: a display's image/png is no text (list) and was left out" in log


@pytest.mark.kernel
def test_a_very_long_error_is_cut_in_the_last_line_of_the_log(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "endless", "raise ValueError('x' * 1_000_000)")
    assert len(execute(spec).error_message or "") == 1_000_000
    assert len(Path(spec.locate(spec.log)).read_text("utf-8").splitlines()[-1]) < 11_000


@pytest.mark.kernel
def test_cancel_from_another_thread_and_watch_it_happen(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "cancelled", "x = 1", "print('here', flush=True)\nwhile True: pass", "x")
    started: list[str] = []
    run = NotebookRun(spec, on_start=lambda spec: started.append(spec.run_id))
    results: list[RunReport] = []
    thread = threading.Thread(target=lambda: results.append(run.execute()))
    thread.start()
    wait_for(lambda: Path(spec.locate(spec.log)).exists() and "here" in Path(spec.locate(spec.log)).read_text("utf-8"))
    # the log and the notebook are written as it goes
    wait_for(Path(spec.locate(spec.output_notebook)).exists)
    wait_for(lambda: cell_states(spec)[1][0] == "running")
    assert processes_of("cancelled") != []
    run.cancel()
    thread.join()
    assert (results[0].status, results[0].error_cell) == (RunStatus.CANCELLED, 1)
    assert [status for status, _ in cell_states(spec)] == ["completed", "failed", "pending"]
    assert started == ["cancelled"]
    assert processes_of("cancelled") == []


@pytest.mark.kernel
def test_ctrl_c_in_the_main_thread_cancels(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "ctrlc", "print('here', flush=True)\nwhile True: pass")
    script = f"from nbpart.run import RunSpec, execute\nprint(execute(RunSpec.read({str(spec.write())!r})).status)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        wait_for(
            lambda: Path(spec.locate(spec.log)).exists() and "here" in Path(spec.locate(spec.log)).read_text("utf-8")
        )
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
    assert (said.strip(), process.returncode) == ("cancelled", 0)
    assert RunReport.read(spec.locate(spec.report)).error_cell == 0
    assert processes_of("ctrlc") == []


@pytest.mark.kernel
@pytest.mark.parametrize("kind", ["prewarmed", "stock"])
def test_cancel_while_the_kernel_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    spec = make_spec(tmp_path, f"early-{kind}", "x = 1")
    run = NotebookRun(spec)
    start = launch.RunKernelManager.start_kernel
    reached: list[str] = []

    async def cancel_and_wait(*args: Any, **options: Any) -> bool:
        if kind == "stock":
            await start(*args, **options)
            assert processes_of(spec.run_id) != []
        reached.append(kind)
        run.cancel()
        await asyncio.Event().wait()
        return True

    fork = zygotes.Zygote.run_kernel

    def cancel_and_run(*args: Any, **options: Any) -> Any:
        reached.append(kind)
        run.cancel()
        return fork(*args, **options)

    if kind == "stock":
        monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
        monkeypatch.setattr(launch.RunKernelManager, "start_kernel", cancel_and_wait)
    else:
        monkeypatch.setattr(zygotes.Zygote, "run_kernel", cancel_and_run)
    result = run.execute()
    assert (result.status, result.error_cell, reached) == (RunStatus.CANCELLED, None, [kind])
    assert cell_states(spec) == [("pending", [])]
    wait_for(lambda: processes_of(spec.run_id) == [])


def test_cancelled_before_it_starts(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "never", "x = 1")
    assert execute(spec, should_stop=lambda: True).status is RunStatus.CANCELLED
    assert "cancelled after" in Path(spec.locate(spec.log)).read_text("utf-8")


def test_an_error_of_the_callback_becomes_a_failed_result(tmp_path: Path) -> None:
    def fail(spec: RunSpec) -> None:
        raise LookupError("no catalog")

    result = execute(make_spec(tmp_path, "r1", "x = 1"), on_start=fail)
    assert (result.status, result.error_class, result.error_message) == (RunStatus.FAILED, "LookupError", "no catalog")
    (tmp_path / "code" / "r2.ipynb").parent.mkdir(exist_ok=True)
    spec = make_spec(tmp_path, "r2", "x = 1")
    Path(spec.locate(spec.notebook)).write_text("not json", "utf-8")
    result = execute(spec)
    assert "is not a notebook" in (result.error_message or "")


def test_injected_source_gives_the_values_back() -> None:
    values: dict[str, Any] = {
        "day": DAY,
        "at": AT,
        "naive": datetime.datetime(2024, 5, 1),
        "x": float("-inf"),
        "none": None,
        "deep": {"a": [1, 2.5, True, {"b": DAY}]},
        "text": "a\n'b' \"c\" \\ {x} \ud800",
    }
    space: dict[str, Any] = {}
    exec(compile(spell_injected(values), "cell", "exec"), space)  # noqa: S102 - the source is the thing under test
    assert {name: space[name] for name in values} == values
    assert "datetime" not in space
    with pytest.raises(ParameterError):
        spell_injected({"a = 1\nimport os": 1})


def test_injected_cell_comes_after_the_parameters_cell_or_first(tmp_path: Path) -> None:
    with_cell = make_spec(tmp_path, "a", "x = 1", tagged("y = 2", "parameters"), "x", injected={"y": 3})
    without = make_spec(tmp_path, "b", "x = 1", injected={"y": 3})
    assert [cell.source.splitlines()[-1] for cell in load_injected_notebook(with_cell)[0].cells] == [
        "x = 1",
        "y = 2",
        "y = 3",
        "x",
    ]
    assert [cell.source.splitlines()[-1] for cell in load_injected_notebook(without)[0].cells] == ["y = 3", "x = 1"]


def test_values_are_injected_in_the_language_of_the_notebook(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "r", "x <- 1", injected={"day": DAY, "on": True}, language="R", kernel_name="ir")
    cell = load_injected_notebook(spec)[0].cells[0]
    assert 'day = "2024-05-01"' in cell.source
    assert "on = TRUE" in cell.source


@pytest.mark.kernel
def test_what_a_run_leaves_can_be_used_by_the_group_of_a_shared_folder(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "shared", "print('here')")
    folder = Path(spec.locate(spec.log)).parent
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o2770)
    before = os.umask(0o077)
    try:
        assert execute(spec).status is RunStatus.SUCCEEDED
    finally:
        os.umask(before)
    for path in (spec.locate(spec.log), spec.locate(spec.output_notebook), spec.locate(spec.report)):
        assert Path(path).stat().st_mode & 0o777 == 0o660, path
