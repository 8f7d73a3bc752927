"""A sweep of fits of scikit-learn: nbpart against joblib in one process and a loop of papermill, as many at a time.

Run it with ``python -m benchmarks sweeps=200``: so many fits; papermill, which takes a second a run and more, makes a
tenth of them. Each fit is one that a person would sweep: a forest on the digits, scored by held-out data. Beside it
stands what ``run.log`` a thousand times a second costs the cell that calls it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat

import nbpart
from benchmarks import rounds

ROUNDS = rounds(3)
WORKERS = max(2, len(os.sched_getaffinity(0)))
#: How long the work of the cell that logs takes, in seconds, and how often it logs.
WORK_S, LOGS_A_S = 4.0, 1_000

FIT = """
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
parts = train_test_split(X, y, random_state=0)
forest = RandomForestClassifier(max_depth=depth, n_estimators=trees, random_state=0).fit(parts[0], parts[2])
accuracy = forest.score(parts[1], parts[3])
"""


def fit(depth: int, trees: int) -> float:
    """The accuracy of one forest."""
    names: dict[str, Any] = {"depth": depth, "trees": trees}
    exec(compile(FIT, "fit", "exec"), names)  # noqa: S102  the same code as the notebook of papermill
    return float(names["accuracy"])


def main(fits: int = 200) -> None:
    """Print how long a sweep of ``fits`` takes each way, and what logging costs a cell."""
    points = [{"depth": 2 + n % 10, "trees": 20 + n // 10} for n in range(fits)]
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder:
        root = Path(folder)
        ways = {
            "nbpart": sweep_by_nbpart(root, points),
            "joblib": sweep_by_joblib(points),
            "papermill": sweep_by_papermill(root, points[: max(2, fits // 10)]),
        }
        for way, a_fit_s in ways.items():
            line = {"benchmark": f"a sweep of {fits} fits by {way}", "workers": WORKERS if way != "papermill" else 1}
            print(json.dumps(line | {"ms_a_fit": round(a_fit_s * 1e3, 1), "ratio": ratio(a_fit_s, ways)}), flush=True)
        print(json.dumps(measure_logging(root)), flush=True)


def ratio(a_fit_s: float, ways: dict[str, float]) -> float:
    """How much longer than by joblib."""
    return round(a_fit_s / ways["joblib"], 2)


def sweep_by_nbpart(root: Path, points: list[dict[str, int]]) -> float:
    """Seconds a fit of a backfill."""
    with nbpart.open(root / "sweep", preload=["sklearn.ensemble", "sklearn.datasets"]) as ws:
        trials = ws.dynamic_partitions("trials", params={"depth": int, "trees": int})
        trials.add_rows(points)
        code = FIT + "nbpart.current_run('model').log(accuracy=float(accuracy))"
        notebook = write_notebook(root / "fit.ipynb", f"import nbpart\n{code}")
        ws.notebook(notebook, name="model", partitions=trials, metrics={"accuracy": "max"})
        ws.backfill("model", keys=points[:WORKERS], max_workers=WORKERS).wait(progress=False)  # what starts once
        rest = points[WORKERS:]
        began = time.perf_counter()
        ws.backfill("model", keys=rest, max_workers=WORKERS).wait(progress=False).raise_for_failures()
        return (time.perf_counter() - began) / len(rest)


def sweep_by_joblib(points: list[dict[str, int]]) -> float:
    """Seconds a fit of `joblib.Parallel`."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=WORKERS) as parallel:
        parallel(delayed(fit)(**point) for point in points[:WORKERS])
        rest = points[WORKERS:]
        began = time.perf_counter()
        parallel(delayed(fit)(**point) for point in rest)
        return (time.perf_counter() - began) / len(rest)


def sweep_by_papermill(root: Path, points: list[dict[str, int]]) -> float:
    """Seconds a fit of a loop of `papermill.execute_notebook`."""
    import papermill

    notebook = write_notebook(root / "plain.ipynb", FIT)
    began = time.perf_counter()
    for n, point in enumerate(points):
        papermill.execute_notebook(str(notebook), str(root / f"plain-{n}.ipynb"), parameters=point, progress_bar=False)
    return (time.perf_counter() - began) / len(points)


def write_notebook(path: Path, code: str) -> Path:
    """A notebook with a parameters cell, and a cell of code."""
    parameters = nbformat.v4.new_code_cell("depth = 2\ntrees = 20", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(code)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


def measure_logging(root: Path) -> dict[str, object]:
    """How much longer a cell takes that logs a thousand times a second, in per cent of its time."""
    with nbpart.open(root / "logging") as ws:
        ways = ws.dynamic_partitions("ways", params={"every": int, "turn": int})

        def cell(run: nbpart.Run, every: int, work_s: float = WORK_S, a_s: int = LOGS_A_S) -> dict[str, float]:
            import time

            def work(n: int) -> float:
                total = 0.0
                for i in range(n):
                    total += i * 0.5
                return total

            began = time.perf_counter()
            work(200_000)
            n = int(200_000 / a_s / (time.perf_counter() - began))  # a thousandth of a second's work
            began = time.process_time()
            for step in range(int(work_s * a_s)):
                work(n)
                if every:
                    run.log(loss=0.5, step=step)
            return {"s": time.process_time() - began, "n": n}

        ws.asset(cell, partitions=ways)
        ways.add_rows([{"every": every, "turn": turn} for turn in range(ROUNDS) for every in (0, 1)])
        ws.backfill("cell", max_workers=1).wait(progress=False).raise_for_failures()
        a_turn: dict[int, list[float]] = {0: [], 1: []}
        for row in ways.frame.itertuples():
            found = ws.load("cell", row.partition_key)
            a_turn[int(row.every)].append(found["s"] / found["n"])
    plain, logged = (min(a_turn[every]) for every in (0, 1))
    return {
        "benchmark": f"run.log {LOGS_A_S:,} times a second",
        "slower_percent": round((logged / plain - 1) * 100, 2),
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
