"""Studies against plain Optuna: what a trial costs beyond its run, and whether what is found is as good.

Run it with ``python -m benchmarks studies=40,20``: so many trials a study, and studies with so many seeds. Runs come to
their values in this process, so that nothing but the asking, the recording and the telling is measured. Quality is the
best value of each study, over seeds: in parallel and taken up after an end, against plain Optuna that is asked and told
in the same order. ``p`` is that of a Mann-Whitney test that nbpart finds worse values.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import random
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna

import nbpart
from benchmarks import rounds
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus

ROUNDS = rounds(3)
WORKERS = 4


def branin(x: float, y: float) -> float:
    """Branin's function: three minima of 0.397887."""
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


_A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(**point: float) -> float:
    """Hartmann's function of six dimensions: its minimum is -3.32237."""
    terms = (
        weight * math.exp(-sum(a * (x - p) ** 2 for a, x, p in zip(row, point.values(), place, strict=True)))
        for weight, row, place in zip((1.0, 1.2, 3.0, 3.2), _A, _P, strict=True)
    )
    return -sum(terms)


@dataclass(frozen=True)
class Problem:
    """A function to minimize, and the bounds of its arguments."""

    function: Callable[..., float]
    bounds: dict[str, tuple[float, float]]


PROBLEMS = (
    Problem(branin, {"x": (-5, 10), "y": (0, 15)}),
    Problem(hartmann6, {f"x{n}": (0, 1) for n in range(6)}),
)


@dataclass
class Pool:
    """Runs that come to their values here, as soon as they are waited for, in a random order."""

    max_workers: int
    on_start: Callable[[RunSpec], None]
    function: Callable[..., float]
    chance: random.Random
    _waiting: deque[RunSpec] = field(default_factory=deque)
    _running: list[RunSpec] = field(default_factory=list)

    def submit(self, spec: RunSpec) -> None:
        self._waiting.append(spec)
        self._begin()

    def next_results(self, timeout_s: float | None = None) -> list[RunReport]:
        if not self._running:
            return []
        spec = self._running.pop(self.chance.randrange(len(self._running)))
        self._begin()
        now = datetime.now(UTC)
        return [
            RunReport(
                run_no=spec.run_no,
                run_id=spec.run_id,
                partition_key=spec.partition_key,
                attempt=spec.attempt,
                status=RunStatus.SUCCEEDED,
                started_at=now,
                finished_at=now,
                duration_s=0.0,
                metrics={"loss": self.function(**spec.params)},
            )
        ]

    def cancel(self, run_id: str) -> None: ...

    def cancel_all(self) -> None:
        self._waiting.clear()
        self._running.clear()

    def cancel_waiting(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self.cancel_all()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < self.max_workers:
            self._running.append(self._waiting.popleft())
            self.on_start(self._running[-1])


def main(trials: int = 40, seeds: int = 20) -> None:
    """Print what trials cost, and how good what they find is."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("nbpart").setLevel(logging.ERROR)
    for workers in (1, WORKERS):
        print(json.dumps(measure_overhead(workers, trials)), flush=True)
    for problem in PROBLEMS:
        for is_ended in (False, True):
            print(json.dumps(measure_quality(problem, trials, seeds, is_ended=is_ended)), flush=True)


def measure_overhead(workers: int, trials: int) -> dict[str, object]:
    """Milliseconds a trial of a study, of a backfill of as many keys, one step a transaction, and of plain Optuna."""
    studied, stepped, plain = [], [], []
    for seed in range(ROUNDS):
        with open_workspace(PROBLEMS[0], seed) as ws:
            study = ws.study("model", objective="loss", sampler=optuna.samplers.TPESampler(seed=seed))
            began = time.perf_counter()
            study.optimize(trials, max_workers=workers).wait(progress=False)
            studied.append((time.perf_counter() - began) / trials)
        with open_workspace(PROBLEMS[0], seed) as ws:
            ws.partitions("trials").add_sample(trials, sampler_seed=seed)
            began = time.perf_counter()
            # with a limit steps are claimed one by one, as those of a study
            ws.backfill("model", max_workers=workers, limits={"model": workers}).wait(progress=False)
            stepped.append((time.perf_counter() - began) / trials)
        began = time.perf_counter()
        ask_plainly(PROBLEMS[0], trials, 1, seed)
        plain.append((time.perf_counter() - began) / trials)
    found, steps, asked = (statistics.median(some) * 1e3 for some in (studied, stepped, plain))
    return {
        "benchmark": f"a trial of a study, {workers} at a time",
        "trials": trials,
        "ms": round(found, 1),
        "backfill_ms": round(steps, 1),
        "plain_ms": round(asked, 1),
        "beyond_ms": round(found - steps - asked, 1),
    }


def measure_quality(problem: Problem, trials: int, seeds: int, *, is_ended: bool) -> dict[str, object]:
    """The best values of studies with several seeds, and of plain Optuna."""
    found, plain = [], []
    for seed in range(seeds):
        with open_workspace(problem, seed) as ws:
            found.append(search(ws, trials, seed, is_ended=is_ended))
        plain.append(ask_plainly(problem, trials, WORKERS, seed))
    from scipy.stats import mannwhitneyu

    return {
        "benchmark": f"{problem.function.__name__}, {WORKERS} at a time" + (", taken up after an end" * is_ended),
        "trials": trials,
        "seeds": seeds,
        "median": round(statistics.median(found), 4),
        "plain_median": round(statistics.median(plain), 4),
        "p": round(float(mannwhitneyu(found, plain, alternative="greater").pvalue), 3),
    }


def search(ws: nbpart.Workspace, trials: int, seed: int, *, is_ended: bool) -> float:
    """The best value of a study; where it ``is_ended`` in the middle, as by a kill, another process takes it up."""
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    study = ws.study("model", objective="loss", sampler=sampler)
    first = trials // 2 if is_ended else trials
    study.optimize(first, max_workers=WORKERS).wait(progress=False)
    if is_ended:
        ws.project.samplers.clear()  # as in a process that begins
        ws.project.samplers_used.clear()
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        study = ws.study("model", objective="loss", sampler=sampler)
        study.optimize(trials - first, max_workers=WORKERS).wait(progress=False)
    return float(study.best["loss"].iloc[0])


def ask_plainly(problem: Problem, trials: int, workers: int, seed: int) -> float:
    """The best value of plain Optuna, asked for so many ahead and told in a random order."""
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=workers > 1)
    study = optuna.create_study(sampler=sampler)
    space = {name: optuna.distributions.FloatDistribution(*bounds) for name, bounds in problem.bounds.items()}
    chance, running = random.Random(seed), []
    for _ in range(trials):
        running.append(study.ask(space))
        if len(running) == workers:
            trial = running.pop(chance.randrange(workers))
            study.tell(trial, problem.function(**trial.params))
    for trial in running:
        study.tell(trial, problem.function(**trial.params))
    return float(study.best_value)


@contextlib.contextmanager
def open_workspace(problem: Problem, seed: int) -> Iterator[nbpart.Workspace]:
    """A workspace with an asset `model` over the space of a problem."""
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder, nbpart.open(Path(folder, "workspace")) as ws:
        chance = random.Random(seed)
        ws.project.make_pool = lambda workers, on_start: Pool(workers, on_start, problem.function, chance)
        params = {name: nbpart.uniform(*bounds) for name, bounds in problem.bounds.items()}

        def model(run: Any) -> dict[str, int]:
            return {}

        ws.asset(model, partitions=ws.dynamic_partitions("trials", params=params), metrics={"loss": "min"})
        yield ws


if __name__ == "__main__":
    main(*(int(number) for argument in sys.argv[1:] for number in argument.split(",")))
