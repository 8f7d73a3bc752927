"""Trials: what logging a step costs, what a pruner costs a report, and how soon many are compared.

Run it with ``python -m benchmarks.trials [trials]``; it prints one JSON object a line. Beside each stands the plain
alternative of the same run: a line of JSON that is written and flushed, and a file of JSON a trial that is read in a
loop.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

import nbpart
from benchmarks import rounds
from nbpart.backfill.pruning_board import PruningBoard
from nbpart.catalog import Batch, queries
from nbpart.partitions import PartitionRef
from nbpart.project.run_curves import CurveReader
from nbpart.run.context import RunContext
from nbpart.run.curves import CurveLog, load_curves
from nbpart.run.output_handler import OutputHandler
from nbpart.run.pruners import Pruner, encode_others, median_pruner, successive_halving
from nbpart.run.spec import RunSpec
from nbpart.storage import place_curves, place_data, place_run
from nbpart.widgets.board_choice import BoardChoice
from nbpart.widgets.curve_lines import MOST_POINTS, encode_lines

ROUNDS = rounds(5)
METRICS = 10
STEPS = 10_000
#: Curves that grow at once.
CURVES = 100
#: Trials that a pruner compares with.
OTHERS = 200


def main(size: int = 2_000) -> None:
    """Print what logging, pruning and comparing ``size`` trials take."""
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder:
        print(json.dumps(measure_log(Path(folder, "log"))), flush=True)
        for pruner in (median_pruner("loss", direction="min"), successive_halving("loss", direction="min")):
            print(json.dumps(measure_pruner(Path(folder, pruner.kind), pruner)), flush=True)
        for line in measure_compare(Path(folder, "compare"), size):
            print(json.dumps(line), flush=True)
        print(json.dumps(measure_curves(Path(folder, "curves"))), flush=True)


def measure_log(root: Path) -> dict[str, object]:
    """Microseconds of ``run.log`` of a float with a step, and of a line of JSON that is flushed."""
    spec = make_spec(root)
    run = RunContext(spec, handler=OutputHandler())
    logged = timed(lambda: [run.log(loss=0.5, step=step) for step in range(STEPS)]) / STEPS
    with open(root / "plain.jsonl", "w", encoding="utf-8") as file:

        def write() -> None:
            for step in range(STEPS):
                file.write(json.dumps({"loss": 0.5, "step": step}) + "\n")
                file.flush()

        plain = timed(write) / STEPS
    place = Path(spec.locate(spec.curves))
    began = time.perf_counter()
    points = len(load_curves(place).table)
    read_s = time.perf_counter() - began
    return {
        "benchmark": "run.log with a step",
        "us": round(logged * 1e6, 2),
        "plain_us": round(plain * 1e6, 2),
        "ratio": round(logged / plain, 2),
        "points": points,
        "read_ms": round(read_s * 1e3, 1),
    }


def measure_pruner(root: Path, pruner: Pruner) -> dict[str, object]:
    """Milliseconds of a report to a pruner, beyond the logging, beside ``OTHERS`` other trials."""
    board = PruningBoard(pruner)
    steps, rng = np.arange(1_000), np.random.default_rng(0)
    for run_no in range(1, OTHERS + 1):
        board.finish(run_no, steps, 10 + rng.random(len(steps)), is_complete=True)
    built = timed(lambda: encode_others(board.build()))
    spec = make_spec(root, pruner=pruner, others="runs/others", run_no=OTHERS + 1)
    (root / "runs" / "others").write_bytes(encode_others(board.build()))
    run = RunContext(spec, handler=OutputHandler())
    asked = []
    for step in range(1_000):
        run.log(loss=0.5, step=step)
        began = time.perf_counter()
        assert not run.should_stop()
        asked.append(time.perf_counter() - began)
    return {
        "benchmark": f"a report to {pruner.kind}",
        "others": OTHERS,
        "mean_ms": round(statistics.mean(asked) * 1e3, 4),
        "longest_ms": round(max(asked) * 1e3, 3),
        "renew_ms": round(built * 1e3, 2),
    }


def measure_compare(root: Path, size: int) -> Iterator[dict[str, object]]:
    """Seconds to the frame of trials with their metrics, of reading a file of JSON a trial, and to a page of them."""
    names = [f"metric_{n}" for n in range(METRICS)]
    values = np.random.default_rng(0).random((size, METRICS))
    with nbpart.open(root) as ws:
        trials = ws.dynamic_partitions("trials", params={"lr": float, "n": int})
        trials.add_rows(pd.DataFrame({"lr": 0.001 * np.arange(size), "n": np.arange(size)}))

        def model(run: nbpart.Run) -> dict[str, int]:
            return {}

        ws.asset(model, partitions=trials, metrics={names[0]: "max"})
        ws.project.catalog.write(lambda batch: fill(batch, names, values))
        seconds = timed(lambda: ws.compare("model").frame)
        drawn = timed(lambda: open_board(ws))
        board = ws.compare("model")
        board.widget.choice = BoardChoice(ranges=dict.fromkeys(names, (0.1, None)))
        brushed = timed(lambda: (board.where, board.selection))
        board.widget.close()
    plain = root / "plain"
    plain.mkdir()
    for n, row in enumerate(values.tolist()):
        (plain / f"{n}.json").write_text(json.dumps({"n": n, **dict(zip(names, row, strict=True))}))

    def read() -> pd.DataFrame:
        rows = [json.loads(path.read_text()) for path in plain.iterdir()]
        return pd.DataFrame(rows).sort_values(names[0], ascending=False)

    by_hand = timed(read)
    yield {
        "benchmark": "compare to a frame",
        "trials": size,
        "metrics": METRICS,
        "median_s": round(seconds, 4),
        "plain_s": round(by_hand, 4),
        "ratio": round(seconds / by_hand, 2),
    }
    yield {
        "benchmark": "what a page is sent of a board",
        "trials": size,
        "metrics": METRICS,
        "median_s": round(drawn, 4),
        "plain_s": round(by_hand, 4),
        "brush_ms": round(brushed * 1e3, 2),
    }


def open_board(ws: nbpart.Workspace) -> None:
    """What a page is sent that shows a board."""
    widget = ws.compare("model").widget
    assert len(widget.state()["values"]) > 0
    widget.close()


def measure_curves(root: Path) -> dict[str, object]:
    """Milliseconds of a refresh of curves that grow, from their files to what a page draws."""
    with nbpart.open(root) as ws:
        trials = ws.dynamic_partitions("trials", params={"n": int})
        trials.add_grid(n=range(CURVES))

        def model(run: nbpart.Run) -> dict[str, int]:
            return {}

        ws.asset(model, partitions=trials)
        ids = [f"run-{n:03}" for n in range(CURVES)]
        ws.project.catalog.write(lambda batch: begin_runs(batch, ids))
        rng, logs = np.random.default_rng(0), []
        for key, run_id in zip(trials, ids, strict=True):
            stem = place_run(PartitionRef("model", key), run_id, 1)
            logs.append(CurveLog(ws.root, ws.root / place_curves(place_data(stem))))
            values = rng.random(STEPS).tolist()
            lines = (f"{step}\t{1e9 + step:.3f}\tloss\t{value!r}\n" for step, value in enumerate(values))
            logs[-1].path.parent.mkdir(parents=True, exist_ok=True)
            logs[-1].path.write_text("".join(lines))
        reader, step = CurveReader(ws.project), itertools.count(STEPS)

        def refresh() -> None:
            at = next(step)
            for log in logs:
                log.log(at, {"loss": 0.5})
            began = time.perf_counter()
            found = reader.read(ids, "loss", by_time=False, smoothing=0.5)
            assert len(encode_lines(found.lines)) <= CURVES * MOST_POINTS * 16
            seconds.append(time.perf_counter() - began)

        seconds: list[float] = []
        for _ in range(ROUNDS + 1):
            refresh()
    return {
        "benchmark": "live curves",
        "curves": CURVES,
        "steps": STEPS,
        "first_ms": round(seconds[0] * 1e3, 1),
        "refresh_ms": round(statistics.median(seconds[1:]) * 1e3, 1),
    }


def begin_runs(batch: Batch, ids: list[str]) -> None:
    """Runs that go on, one for each key."""
    keys = batch.numpy("SELECT key_id, asset_id FROM keys JOIN assets USING (set_id) ORDER BY key_id")
    first = batch.take_ids("next_run_no", len(ids))
    runs = {"run_no": np.arange(first, first + len(ids)), "run_id": ids, **keys}
    batch.stage("begun", pa.table(runs))
    batch.execute(
        "INSERT INTO runs (run_no, run_id, asset_id, key_id, created_at, sequence)"
        " SELECT run_no, run_id, asset_id, key_id, now(), $1 FROM begun",
        batch.sequence,
    )
    batch.execute(
        "INSERT INTO attempts (run_no, attempt, started_at, sequence) SELECT run_no, 1, now(), $1 FROM begun",
        batch.sequence,
    )


def fill(batch: Batch, names: list[str], values: np.ndarray) -> None:
    """Facts of all trials, with their metrics."""
    [asset_id] = [row.asset_id for row in queries.load_assets(batch) if row.name == "model"]
    size = len(values)
    keys = batch.numpy(
        "SELECT key_id FROM keys JOIN assets USING (set_id) WHERE asset_id = ? ORDER BY key_id", asset_id
    )["key_id"]
    first = batch.take_ids("next_materialization_id", size)
    batch.stage("made", pa.table({"key_id": keys, "materialization_id": np.arange(first, first + size)}))
    batch.execute(
        """INSERT INTO materializations (materialization_id, asset_id, key_id, code_version, data_version, data_hash,
            materialized_at, duration_s, sequence, kind)
        SELECT materialization_id, $1, key_id, '', 'v', key_id, now(), 1.0, $2, 'run' FROM made""",
        asset_id,
        batch.sequence,
    )
    batch.execute(
        "INSERT INTO partition_facts SELECT $1, key_id, materialization_id, key_id, 1, 0, 0, NULL, $2 FROM made",
        asset_id,
        batch.sequence,
    )
    logged = {
        "materialization_id": np.repeat(np.arange(first, first + size), len(names)),
        "name": np.tile(np.array(names), size).tolist(),
        "number": values.reshape(-1),
    }
    batch.stage("logged", pa.table(logged))
    batch.execute("INSERT INTO metrics (materialization_id, name, number) FROM logged")


def make_spec(root: Path, **values: object) -> RunSpec:
    """The spec of a run that is executed here."""
    for name in ("data", "runs"):
        (root / name).mkdir(parents=True)
    paths = {"notebook": "", "folder": "", "output_notebook": "runs/r.ipynb", "log": "runs/r.log"}
    about = {"run_id": "r", "attempt": 1, "asset": "model", "partition_key": "k", "workspace": str(root)}
    return RunSpec(**{**paths, **about, "data_prefix": "data/r", "report": "runs/r.json", **values})  # type: ignore[arg-type]


def timed(action: Callable[[], object]) -> float:
    """The median of some rounds, in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
