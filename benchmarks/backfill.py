"""Backfills against papermill and joblib in the same run: the same work, as many at once, warm unless a name says cold.

Run it with ``python -m benchmarks backfill=40,10_000``, or without the second number, which is that of real notebooks
in one backfill; each line is a JSON object. ``ratio`` is what nbpart takes divided by what the plain way of the line,
``against``, takes in the same run; ``cpu_s_a_run`` is that of all processes that had a part in it, ``load_before``
what else the machine did. Where the variable NBPART_BENCH_BEFORE names a commit, functions are run by nbpart as it was
there too, in turn with what is here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nbformat
import psutil

import nbpart
from nbpart.run.kernels.zygotes import shared as zygotes

ROOT = Path(__file__).parents[1]
NOTEBOOKS = 40
TRIVIAL = 20
FEW = 4
WORKERS = (1, 2, 4)
#: Of functions there are so many times more than of notebooks, with so many at once.
FUNCTIONS_MORE, FUNCTION_WORKERS = 5, (2, 3)
PANDAS = (
    "import pandas as pd",
    "frame = pd.DataFrame({'group': [n % 7 for n in range(10_000)], 'value': range(10_000)})",
    "frame.groupby('group').value.describe()",
)
HEAVY = (
    "import matplotlib.pyplot as plt\nfrom sklearn.datasets import load_iris\n"
    "from sklearn.linear_model import LogisticRegression",
    "x, y = load_iris(return_X_y=True)\nmodel = LogisticRegression(max_iter=500).fit(x, y)",
    "plt.scatter(x[:, 0], x[:, 1], c=model.predict(x))",
)
LINES = 100_000
# its two processes are still there when the last cell is done
PARALLEL = (
    "import math\nfrom joblib import Parallel, delayed",
    "Parallel(n_jobs=2)(delayed(math.sqrt)(n) for n in range(100))",
)

TINY = ("len(partition_key)",)
# in a file of their own: what this one imports would be theirs too
FUNCTIONS = """
def first(partition_key: str) -> dict:
    return {"key": partition_key}
"""
SAVING = (
    "import nbpart, pandas as pd\nrun = nbpart.current_run('work')",
    "run.save(pd.DataFrame({'value': range(20)}))",
)


def main(notebooks: int = NOTEBOOKS, many: int = 0) -> None:
    """Print the measurements with ``notebooks`` partitions of each notebook, and with ``many`` of a real one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        lines = measure_notebooks(folder, notebooks)
        lines.append(lambda: measure_trivial(folder, min(TRIVIAL, notebooks)))
        functions = importlib.util.find_spec("joblib") is not None
        count = FUNCTIONS_MORE * notebooks
        lines.append(lambda: measure_functions(folder, count) if functions else skip("functions"))
        if many:
            lines.append(lambda: measure_many(folder, many))
        for measure in lines:
            tell(measure)


def tell(measure: Callable[[], Iterator[dict[str, Any]]]) -> None:
    """Print what is measured, with the load that it began under."""
    load = os.getloadavg()[0]
    for record in measure():
        rounded = {n: float(f"{v:.4g}") if isinstance(v, float) else v for n, v in record.items()}
        print(json.dumps({**rounded, "load_before": round(load, 2)}), flush=True)
        load = os.getloadavg()[0]


# the same notebook many times


def measure_notebooks(folder: Path, notebooks: int) -> list[Callable[[], Iterator[dict[str, Any]]]]:
    """One measurement for each notebook."""
    few = min(FEW, notebooks)
    # fewer are for a look at whether all of it runs: short, and what takes long to import only once
    is_warm = notebooks >= FEW
    lines = LINES if is_warm else LINES // 100
    heavy, parallel = "scikit-learn notebook", "n_jobs=2 notebook"
    found = all(importlib.util.find_spec(name) for name in ("sklearn", "matplotlib"))
    if not is_warm:
        cells = [*PANDAS, *print_lines(lines), *print_megabytes(lines), *(HEAVY + PARALLEL if found else ())]
        return [lambda: compare(folder, "all cells in one notebook", cells, notebooks, is_warm)]
    return [
        lambda: compare(folder, "pandas notebook", PANDAS, notebooks),
        lambda: compare(folder, "notebook that does nothing", TINY, notebooks),
        lambda: compare(folder, "notebook of 200 cells", TINY * 200, few),
        lambda: compare(folder, f"{lines:,} lines", print_lines(lines), few),
        lambda: compare(folder, f"{2 * lines:,} lines", print_lines(2 * lines), few),
        lambda: compare(folder, f"one line of {lines / 10_000:g} MB", print_megabytes(lines), few),
        lambda: compare(folder, heavy, HEAVY, notebooks) if found else skip(heavy),
        lambda: compare(folder, parallel, PARALLEL, few) if found else skip(parallel),
    ]


def print_lines(count: int) -> Sequence[str]:
    return (f"for n in range({count}):\n    print('line', n)",)


def print_megabytes(lines: int) -> Sequence[str]:
    """One line as long as so many of a hundred characters."""
    return (f"print('x' * {100 * lines})",)


def skip(name: str) -> Iterator[dict[str, Any]]:
    yield {
        "benchmark": name,
        "skipped": "scikit-learn, joblib or matplotlib is not installed; nbpart's extra `bench` has them",
    }


def compare(
    folder: Path, name: str, cells: Sequence[str], count: int, is_warm: bool = True
) -> Iterator[dict[str, Any]]:
    """papermill in 1, 2, 4 processes, then nbpart with as many workers; each has run the notebook before if warm."""
    notebook = write_notebook(folder / f"{name}.ipynb", cells)
    keys = [f"key-{n}" for n in range(count)]
    plain: dict[int, float] = {}
    at_once = [workers for workers in WORKERS if workers <= count]
    for workers in at_once:
        record = run_papermill(notebook, keys, workers, folder / f"{name}-{workers}", is_warm)
        plain[workers] = record["seconds"]
        how = "in a loop" if workers == 1 else f"in {workers} processes"
        yield {"benchmark": f"{name}: papermill {how}", "workers": workers, **record}
    for workers in at_once:
        record = run_nbpart(notebook, keys, workers, is_warm)
        against = {"against": f"papermill in {workers}", "ratio": record["seconds"] / plain[workers]}
        yield {"benchmark": f"{name}: nbpart", "workers": workers, **record, **against}


def write_notebook(path: Path, cells: Sequence[str]) -> Path:
    parameters = nbformat.v4.new_code_cell("partition_key = ''", metadata={"tags": ["parameters"]})
    made = [parameters, *map(nbformat.v4.new_code_cell, cells)]
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=about), path)
    return path


def run_papermill(notebook: Path, keys: Sequence[str], workers: int, out: Path, is_warm: bool = True) -> dict[str, Any]:
    """All keys through papermill itself; if warm its processes run, and have papermill imported, before the clock."""
    out.mkdir()
    tasks = [(str(notebook), str(out / f"{key}.ipynb"), key) for key in keys]
    warm = (str(notebook), str(out / "warm.ipynb"), "warm")
    if workers == 1:
        if is_warm:
            run_one(warm)
        taken = take(lambda: [run_one(task) for task in tasks])
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            if is_warm:
                list(pool.map(run_one, [(warm[0], str(out / f"warm-{n}.ipynb"), "warm") for n in range(workers)]))
            taken = take(lambda: list(pool.map(run_one, tasks)))
    return describe(taken, workers, [Path(task[1]) for task in tasks])


def run_one(task: tuple[str, str, str]) -> None:
    import papermill

    notebook, output, key = task
    for _ in range(3):
        try:
            papermill.execute_notebook(notebook, output, parameters={"partition_key": key}, progress_bar=False)
            return
        except RuntimeError as error:  # two kernels that start at once may choose the same port
            print(f"papermill, {key}: {error}", file=sys.stderr)
    raise RuntimeError(f"papermill could not start a kernel for {key} three times")


def run_nbpart(notebook: Path, keys: Sequence[str], workers: int, is_warm: bool) -> dict[str, Any]:
    """All keys in a backfill of a new workspace, that has run one before if warm."""
    with workspace() as ws:
        names = ws.dynamic_partitions("names")
        work = ws.notebook(notebook, name="work", partitions=names)
        if is_warm:
            names.add("warm")
            run(ws, work, max_workers=workers)
        names.add(list(keys))
        taken = take(lambda: run(ws, work, max_workers=workers))
        runs = ws.runs(work, limit=len(keys))
        record = describe(taken, workers, [ws.get_run(run_id).notebook for run_id in runs["run_id"]])
    zygotes.close()
    return record


def describe(taken: Taken, workers: int, outputs: Sequence[Path]) -> dict[str, Any]:
    """The figures of some notebooks: what a worker took for one of them beyond the time of its cells is overhead."""
    count = len(outputs)
    cells = [sum(cell_seconds(path)) for path in outputs]
    return {
        "notebooks": count,
        "seconds": taken.seconds,
        "s_a_notebook": taken.seconds / count,
        "notebooks_a_s": count / taken.seconds,
        "cells_s_a_run": statistics.mean(cells),
        "overhead_s_a_run": taken.seconds * min(workers, count) / count - statistics.mean(cells),
        "cpu_s_a_run": taken.cpu_s / count,
    }


def cell_seconds(path: Path) -> Iterator[float]:
    """How long each cell of an executed notebook took, as papermill's metadata say."""
    for cell in nbformat.read(path, as_version=4).cells:
        if (about := cell.metadata.get("papermill")) and about.get("duration") is not None:
            yield about["duration"]


# trivial functions, from nothing


def measure_trivial(folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """Function partitions from call to done, the zygote's start included, against a loop over a trivial notebook."""
    notebook = write_notebook(folder / "tiny.ipynb", TINY)
    plain = run_papermill(notebook, [str(n) for n in range(count)], 1, folder / "tiny")
    yield {"benchmark": "trivial partitions: papermill in a loop", "workers": 1, **plain}
    for policy in ("per_partition", "single_run"):
        code = f"from benchmarks.backfill import run_trivial; run_trivial({count}, {policy!r})"
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
        record = json.loads(done.stdout.splitlines()[-1])
        against = {"against": "papermill in a loop", "ratio": record["seconds"] / plain["seconds"]}
        yield {"benchmark": f"trivial partitions: nbpart, {policy}, cold", **record, **against}


def run_trivial(count: int, policy: str) -> None:
    """Print what a backfill takes in this process, where nothing has run yet."""
    with workspace() as ws:
        keys = ws.dynamic_partitions("names")
        keys.add([str(n) for n in range(count)])
        asset = ws.asset(import_functions(ws).first, partitions=keys)
        taken = take(lambda: run(ws, asset, policy=policy))
        seconds, cpu_s = taken.seconds, taken.cpu_s / count
        print(
            json.dumps(
                {"partitions": count, "seconds": seconds, "s_a_partition": seconds / count, "cpu_s_a_run": cpu_s}
            )
        )


# functions


def measure_functions(folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """Functions that do nothing: by joblib, which keeps nothing of a run, by nbpart, and by nbpart as it was."""
    trees = {"nbpart": ROOT}
    if before := os.environ.get("NBPART_BENCH_BEFORE"):
        trees[f"nbpart at {before}"] = folder / "before"
        trees[f"nbpart at {before}"].mkdir()
        archive = subprocess.run(["git", "archive", before, "nbpart"], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(folder / "before")], input=archive.stdout, check=True)
    for workers in FUNCTION_WORKERS:
        plain = run_joblib(count, workers)
        yield {"benchmark": "functions: joblib, which records nothing", "workers": workers, **plain}
        for name, tree in trees.items():
            code = f"from benchmarks.backfill import run_functions; run_functions({count}, {workers})"
            paths = os.pathsep.join([str(tree), str(ROOT)])
            done = subprocess.run(
                [sys.executable, "-c", code],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": paths},
            )
            record = json.loads(done.stdout.splitlines()[-1])
            against = {"against": "joblib", "ratio": record["seconds"] / plain["seconds"]}
            yield {"benchmark": f"functions: {name}", "workers": workers, **record, **against}


def run_joblib(count: int, workers: int) -> dict[str, Any]:
    from joblib import Parallel, delayed

    with Parallel(n_jobs=workers) as parallel:
        parallel(delayed(len)(str(n)) for n in range(workers))
        taken = take(lambda: parallel(delayed(len)(str(n)) for n in range(count)))
    return describe_functions(taken, count)


def run_functions(count: int, workers: int) -> None:
    """Print what a backfill of so many partitions takes in this process, which has run some before."""
    with workspace() as ws:
        keys = ws.dynamic_partitions("names")
        keys.add([f"warm-{n}" for n in range(workers)])
        asset = ws.asset(import_functions(ws).first, partitions=keys)
        run(ws, asset, max_workers=workers)
        keys.add([str(n) for n in range(count)])
        taken = take(lambda: run(ws, asset, max_workers=workers))
        print(json.dumps(describe_functions(taken, count)))


def describe_functions(taken: Taken, count: int) -> dict[str, Any]:
    return {
        "partitions": count,
        "seconds": taken.seconds,
        "steps_a_s": count / taken.seconds,
        "cpu_s_a_run": taken.cpu_s / count,
    }


# many real notebooks


def measure_many(folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """A backfill of notebooks that save a frame, and a relation over all that they saved."""
    notebook = write_notebook(folder / "work.ipynb", SAVING)
    with workspace() as ws:
        names = ws.dynamic_partitions("names")
        names.add([f"key-{n}" for n in range(count)])
        work = ws.notebook(notebook, name="work", partitions=names)
        before = resident_mb()
        with Watch() as watch:
            taken = take(lambda: run(ws, work))
        yield {
            "benchmark": "many notebooks",
            "notebooks": count,
            "minutes": taken.seconds / 60,
            "s_a_notebook": taken.seconds / count,
            "cpu_s_a_run": taken.cpu_s / count,
            "files": sum(1 for path in ws.root.rglob("*") if path.is_file()),
            "catalog_mb": (ws.root / "catalog.duckdb").stat().st_size / 2**20,
            "coordinator_mb_before": before,
            "coordinator_mb_most": max(sample.coordinator_mb for sample in watch.samples),
            "kernel_uss_mb_most": max(sample.kernel_mb for sample in watch.samples),
            **{f"{place}_at_first": value for place, value in watch.level(0.1).items()},
            **{f"{place}_at_last": value for place, value in watch.level(0.9).items()},
        }
        built = take(lambda: ws.table(work))
        counted = take(lambda: ws.table(work).aggregate("count(*)").fetchall())
        status = take(lambda: ws.partition_status(work))
        yield {
            "benchmark": "many notebooks: ws.table over them",
            "partitions": count,
            "build_s": built.seconds,
            "count_s": counted.seconds,
            "partition_status_s": status.seconds,
        }


# measuring


@dataclasses.dataclass(frozen=True)
class Taken:
    """What a call took; ``cpu_s`` is that of this process and of all below it, those that ended included."""

    seconds: float
    cpu_s: float


def take(call: Callable[[], Any]) -> Taken:
    start, cpu_s = time.perf_counter(), tree_cpu_s()
    call()
    return Taken(time.perf_counter() - start, tree_cpu_s() - cpu_s)


def tree_cpu_s() -> float:
    total = 0.0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


@dataclasses.dataclass(frozen=True)
class Sample:
    """This process, and what is below it, at one moment; `kernel_mb` is what the largest kernel has for itself."""

    coordinator_mb: float
    descriptors: int
    processes: int
    zygote_mb: float
    kernel_mb: float

    @classmethod
    def of_now(cls) -> Sample:
        own = psutil.Process()
        below = own.children(recursive=True)
        guardians = [process for process in below if parent_of(process) == own.pid]
        forking = [process for process in below if parent_of(process) in {each.pid for each in guardians}]
        kernels = [process for process in below if parent_of(process) in {each.pid for each in forking}]
        zygote_mb, kernel_mb = (max(map(uss_mb, each), default=0.0) for each in (forking, kernels))
        return cls(resident_mb(), own.num_fds(), len(below) - len(kernels), zygote_mb, kernel_mb)


def parent_of(process: psutil.Process) -> int | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.ppid()
    return None


def uss_mb(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return float(process.memory_full_info().uss) / 2**20
    return 0.0


class Watch:
    """What this process and those below it hold meanwhile, once a second."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def level(self, part: float) -> dict[str, float]:
        """The median of the tenth of the time that begins there, of all that should stay level."""
        begin = int(len(self.samples) * part)
        chosen = self.samples[begin : begin + max(1, len(self.samples) // 10)]
        names = ("coordinator_mb", "descriptors", "processes", "zygote_mb")
        return {name: statistics.median(getattr(sample, name) for sample in chosen) for name in names}

    def _watch(self) -> None:
        while True:
            self.samples.append(Sample.of_now())
            if self._ended.wait(1):
                return


def resident_mb() -> float:
    return psutil.Process().memory_info().rss / 2**20


def run(ws: nbpart.Workspace, asset: Any, **options: Any) -> None:
    """A backfill of an asset, or of all, to its end."""
    ws.backfill(asset or "*", **options).wait(progress=False).raise_for_failures()


def import_functions(ws: nbpart.Workspace) -> Any:
    """The functions that become assets, from a module beside the workspace."""
    path = ws.root.parent / "flow.py"
    path.write_text(FUNCTIONS)
    sys.modules.pop(path.stem, None)
    sys.path.insert(0, str(path.parent))
    try:
        return importlib.import_module(path.stem)
    finally:
        sys.path.remove(str(path.parent))


@contextlib.contextmanager
def workspace() -> Iterator[nbpart.Workspace]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, nbpart.open(Path(folder) / "workspace") as ws:
        yield ws


if __name__ == "__main__":
    main(*(int(number) for argument in sys.argv[1:] for number in argument.split(",")))
