"""What is preloaded decides at its import as it does in a stock kernel, and so the outputs of a run are equal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbpart.run.kernels import forking, zygotes
from nbpart.run.notebook import execute
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from tests.run.conftest import PACKAGE_ROOT, make_spec

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only"),
]
PRELOAD = ("matplotlib.pyplot", "plotly.graph_objects", "tqdm.auto", "nbp_curious")
#: A module that asks at its import whatever libraries ask there, and keeps what it was given.
CURIOUS = """
import builtins, logging, os, random, sys
import numpy
from ipykernel.iostream import OutStream
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython import get_ipython

shell = get_ipython()
seen = {
    "shell": type(shell).__name__,
    "is a kernel's": isinstance(shell, ZMQInteractiveShell) and hasattr(shell, "kernel"),
    "configuration": "IPKernelApp" in shell.config,
    "builtin": getattr(builtins, "get_ipython", lambda: None)() is shell,
    "in IPython": hasattr(builtins, "__IPYTHON__"),
    "streams": [isinstance(s, OutStream) for s in (sys.stdout, sys.stderr)],
    "terminal": [sys.stdout.isatty(), sys.stderr.isatty()],
    "encoding": [sys.stdout.encoding, sys.stdout.name],
    "arguments": [os.path.basename(sys.argv[0]), *sys.argv[1:2]],
    "main": [sys.modules["__main__"].__name__, hasattr(sys.modules["__main__"], "__file__")],
    "backend": os.environ.get("MPLBACKEND"),
    "colours": [os.environ.get(name) for name in ("TERM", "FORCE_COLOR", "CLICOLOR", "PAGER")],
}
out, err = sys.stdout, sys.stderr
own, generator, fixed = random.Random(), numpy.random.default_rng(), random.Random(7)
legacy = numpy.random.RandomState()
logger = logging.getLogger("nbp_curious")


class Kept(logging.StreamHandler):
    was_closed = False

    def close(self):
        self.was_closed = True
        self.stream.close()
        super().close()


kept = Kept()
logging.getLogger("nbp_kept").addHandler(kept)
logger.addHandler(logging.StreamHandler())


class Shown:
    pass


os.environ["NBP_SET_BY_IMPORT"] = "1"
counts = []
if shell is not None:
    shell.events.register("post_run_cell", lambda result: counts.append(1))
    shell.display_formatter.formatters["text/html"].for_type(Shown, lambda shown: "<b>shown</b>")
    shell.register_magic_function(lambda line: line.upper(), magic_name="nbp_upper")
    shell.push({"nbp_pushed": 1})
"""
TELL = """
import argparse, click, json, os, sys, warnings
click.echo(click.style("red", fg="red"))
import IPython, matplotlib, matplotlib.pyplot as plt, nbp_curious, numpy, pandas
import plotly.graph_objects, plotly.io, tqdm.auto
filters = [[f[0], str(f[1]), f[2].__name__, str(f[3])] for f in warnings.filters]
warnings.simplefilter("ignore")
def names(prefix="", at=pandas.options):
    for name in dir(at):
        value = object.__getattribute__(at, "d")[name]
        if isinstance(value, dict):
            yield from names(prefix + name + ".", getattr(at, name))
        else:
            yield prefix + name
shell = IPython.get_ipython()
try:
    argparse.ArgumentParser().parse_args(["--nonsense"])
except SystemExit:
    pass
facts = {
    "pandas": {name: repr(pandas.get_option(name)) for name in names()},
    "matplotlib": {name: repr(matplotlib.rcParams[name]) for name in matplotlib.rcParams},
    "backend": matplotlib.get_backend(),
    "interactive": [matplotlib.is_interactive(), str(plt._REPL_DISPLAYHOOK)],
    "tqdm": tqdm.auto.tqdm.__mro__[1].__name__,
    "plotly": plotly.io.renderers.default,
    "numpy": repr(numpy.get_printoptions()),
    "numpy errors": numpy.geterr(),
    "curious": nbp_curious.seen,
    "same shell": nbp_curious.shell is shell is get_ipython(),
    "same streams": [nbp_curious.out is sys.stdout, nbp_curious.err is sys.stderr],
    "events": {name: len(functions) for name, functions in shell.events.callbacks.items()},
    "formatters": {
        name: sorted(str(kind) for kind in [*f.type_printers, *f.deferred_printers])
        for name, f in shell.display_formatter.formatters.items()
    },
    "magics": sorted(shell.magics_manager.magics["line"]),
    "pushed": nbp_pushed,
    "closed": nbp_curious.kept.was_closed,
    "counted": len(nbp_curious.counts),
    "environment": {n: v for n, v in os.environ.items() if not n.startswith("NBPART_")},
    "arguments": [*sys.argv[:2], *sys.orig_argv[:4]],
    "path": sys.path,
    "filters": filters,
    "hook": [type(sys.displayhook).__name__, sys.excepthook.__qualname__],
}
with open("facts.json", "w") as file: _ = file.write(json.dumps(facts))
"""
SHOW = [
    "plt.plot([1, 2]); plt.title('a plot')",
    "print('before'); nbp_curious.out.write('kept stream\\n'); nbp_curious.logger.warning('logged'); print('after')",
    "nbp_curious.Shown()",
    "%nbp_upper a magic",
    "pandas.DataFrame(numpy.arange(60).reshape(2, 30))",
    "plotly.graph_objects.Figure(plotly.graph_objects.Scatter(x=[1], y=[2]))",
    "for _ in tqdm.auto.tqdm(range(3)): pass",
]


@pytest.fixture
def _curious(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "nbp_curious.py").write_text(CURIOUS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([PACKAGE_ROOT, str(tmp_path / "library")]))


def run_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *cells: str) -> dict[str, RunSpec]:
    """The cells in a prewarmed kernel with all of it preloaded, and in a stock one."""
    specs = {}
    for kind in ("prewarmed", "stock"):
        folder = tmp_path / kind
        folder.mkdir()
        specs[kind] = make_spec(folder, kind, *cells, preload=PRELOAD)
        with monkeypatch.context() as patch:
            if kind == "stock":
                patch.setattr(forking, "can_fork", lambda kernel_spec: False)
            result = execute(specs[kind])
        assert (result.status, result.kernel_kind) == (RunStatus.SUCCEEDED, kind), result
    return specs


def shown_by(spec: RunSpec) -> list[list[Any]]:
    """Of each cell its outputs: the text of streams, and the types and texts of what was displayed."""
    cells = nbformat.read(spec.locate(spec.output_notebook), as_version=4).cells
    return [[_show(output) for output in cell.outputs] for cell in cells]


def _show(output: Any) -> Any:
    if output.output_type == "stream":
        return [output.name, output.text]
    texts = {
        kind: text for kind, text in output.data.items() if kind in ("text/plain", "text/html") and len(text) < 999
    }
    return [output.output_type, sorted(output.data), {k: t for k, t in texts.items() if " at 0x" not in t}]


@pytest.mark.usefixtures("_curious")
def test_options_and_outputs_are_those_of_a_stock_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = run_both(tmp_path, monkeypatch, TELL, *SHOW)
    facts = {kind: json.loads(Path(spec.locate(spec.folder), "facts.json").read_text()) for kind, spec in specs.items()}
    assert facts["stock"]["curious"]["configuration"] is True
    assert facts["stock"]["curious"]["backend"] == facts["stock"]["backend"]
    for name, expected in facts["stock"].items():
        assert facts["prewarmed"][name] == expected, name
    outputs = {kind: shown_by(spec) for kind, spec in specs.items()}
    assert "image/png" in outputs["stock"][1][-1][1]
    assert outputs["prewarmed"] == outputs["stock"]


@pytest.mark.usefixtures("_curious")
def test_chance_is_each_runs_own_and_what_a_library_fixed_stays_fixed(tmp_path: Path) -> None:
    cell = (
        "import nbp_curious as c, random, numpy\n"
        "for each in (random, c.own, c.generator, c.legacy, numpy.random): print(each.random())\n"
        "print(c.fixed.random())"
    )
    specs = [make_spec(tmp_path, f"chance{number}", cell, preload=PRELOAD) for number in range(2)]
    said = []
    for spec in specs:
        assert execute(spec).kernel_kind == "prewarmed"
        said.append(Path(spec.locate(spec.log)).read_text("utf-8").splitlines()[:-1])
    assert all(one != other for one, other in zip(said[0][:5], said[1][:5], strict=True)), said
    assert said[0][5] == said[1][5]


READER = """
import os
VALUES = [os.environ.get("NBP_PLAIN"), os.getenv("NBP_DEFAULT", "none"), "NBP_ASKED" in os.environ]
VALUES += [{name: value for name, value in os.environ.items() if name.startswith("NBP_READER_")}]
"""


@pytest.mark.parametrize(
    ("setting", "is_bare"),
    [
        ("os.environ['NBP_PLAIN'] = 'set'", True),
        ("os.environ.setdefault('NBP_ASKED', 'set')", True),
        ("os.environ['NBP_READER_LIMIT'] = 'set'", True),
        ("os.environ['OMP_NUM_THREADS'] = '1'", True),
        ("import nbp_local", True),
        ("os.environ['NBP_NEVER_READ'] = 'set'", False),
    ],
)
def test_what_a_notebook_sets_before_an_import_has_its_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, is_bare: bool
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "nbp_reader.py").write_text(READER)
    local = tmp_path / "nbp_local.py"
    local.write_text("import os\nos.environ.update(NBP_DEFAULT='set')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([PACKAGE_ROOT, str(tmp_path / "library")]))
    cell = f"import os, sys\nprint('nbp_reader' in sys.modules)\n{setting}\nimport nbp_reader\nprint(nbp_reader.VALUES)"
    modules = {"nbp_local": (str(local), str(local))} if "nbp_local" in setting else {}
    spec = make_spec(tmp_path, "sets", cell, "import numpy", preload=("nbp_reader",), modules=modules)
    assert execute(spec).kernel_kind == "prewarmed"
    was_there, values, _ = Path(spec.locate(spec.log)).read_text("utf-8").splitlines()
    assert was_there == str(not is_bare)
    assert ("set" in values or "True" in values) == (is_bare and "OMP" not in setting)


def test_an_environment_of_its_own_is_there_before_anything_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "nbp_reader.py").write_text(READER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([PACKAGE_ROOT, str(tmp_path / "library")]))
    cell = "import sys\nprint('nbp_reader' in sys.modules)\nimport nbp_reader\nprint(nbp_reader.VALUES[0], hash('a'))"
    said = []
    for number, value in enumerate(["one", "two", "two"]):
        spec = make_spec(
            tmp_path, f"env{number}", cell, preload=("nbp_reader",), env={"NBP_PLAIN": value, "PYTHONHASHSEED": "0"}
        )
        assert execute(spec).kernel_kind == "prewarmed"
        said.append(Path(spec.locate(spec.log)).read_text("utf-8").splitlines()[:2])
        assert nbformat.read(spec.locate(spec.output_notebook), as_version=4).metadata.nbpart.env["NBP_PLAIN"] == value
    hashed = said[0][1].split()[1]
    assert said == [["True", f"one {hashed}"], ["True", f"two {hashed}"], ["True", f"two {hashed}"]]


def test_a_failed_run_keeps_the_state_of_its_widgets(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "bar", "import tqdm.auto\nfor n in tqdm.auto.tqdm(range(3)): 1 / (2 - n)")
    assert execute(spec).error_class == "ZeroDivisionError"
    notebook = nbformat.read(spec.locate(spec.output_notebook), as_version=4)
    shown = next(output for output in notebook.cells[0].outputs if output.output_type == "display_data")
    widget = shown.data["application/vnd.jupyter.widget-view+json"]["model_id"]
    state = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert state[widget]["model_name"] == "HBoxModel"
