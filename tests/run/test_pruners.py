"""Whether a run is to end early, beside what Optuna says of the same curves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.assets.metrics import Metric
from nbpart.backfill.pruning_board import PruningBoard
from nbpart.errors import DeclarationError
from nbpart.run.pruners import (
    MedianPruner,
    Others,
    OwnCurve,
    Pruner,
    decode_others,
    encode_others,
    give_direction,
    median_pruner,
    pruner_from_json,
    pruner_to_json,
    read_pruner,
    successive_halving,
)

optuna.logging.set_verbosity(optuna.logging.ERROR)

VALUES = st.one_of(st.sampled_from([math.nan, 0.0, 1.0]), st.floats(-3, 3))
CURVES = st.lists(st.lists(VALUES, min_size=1, max_size=12), min_size=1, max_size=9)


def run_trials(pruner: Pruner, curves: list[list[float]]) -> list[int]:
    """At which step each of some trials ends, one after the other; its length where it goes to its end."""
    board, ends = PruningBoard(pruner), []
    for run_no, values in enumerate(curves, 1):
        others = decode_others(encode_others(board.build()))
        curve, end = OwnCurve(), len(values)
        for step, value in enumerate(values):
            curve.add(step, value)
            if pruner.find_reason(curve, others, run_no) is not None:
                end = step
                break
        done = np.array(values[: end + 1])
        board.finish(run_no, np.arange(len(done)), done, is_complete=end == len(values))
        ends.append(end)
    return ends


def run_in_optuna(pruner: Any, direction: str, curves: list[list[float]]) -> list[int]:
    study = optuna.create_study(direction={"max": "maximize", "min": "minimize"}[direction], pruner=pruner)
    ends = []
    for values in curves:
        trial, end = study.ask(), len(values)
        for step, value in enumerate(values):
            trial.report(value, step)
            if trial.should_prune():
                end = step
                break
        if end < len(values):
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, 0.0)
        ends.append(end)
    return ends


@settings(max_examples=60)
@given(CURVES, st.sampled_from(["max", "min"]), st.integers(0, 3), st.integers(0, 4), st.integers(1, 3))
def test_the_median_pruner_ends_what_optunas_ends(
    curves: list[list[float]], direction: Any, startup: int, warmup: int, interval: int
) -> None:
    own = MedianPruner("loss", direction, startup, warmup, interval)
    theirs = optuna.pruners.MedianPruner(startup, warmup, interval)
    assert run_trials(own, curves) == run_in_optuna(theirs, direction, curves)


@settings(max_examples=60)
@given(CURVES, st.sampled_from(["max", "min"]), st.sampled_from(["auto", 1, 2]), st.integers(2, 4), st.integers(0, 2))
def test_successive_halving_ends_what_optunas_ends(
    curves: list[list[float]], direction: Any, least: Any, factor: int, rate: int
) -> None:
    own = successive_halving(
        "loss", direction=direction, min_resource=least, reduction_factor=factor, min_early_stopping_rate=rate
    )
    theirs = optuna.pruners.SuccessiveHalvingPruner(least, factor, rate)
    assert run_trials(own, curves) == run_in_optuna(theirs, direction, curves)


def test_a_run_that_goes_on_counts_at_its_rungs() -> None:
    pruner = successive_halving("loss", direction="min", min_resource=1, reduction_factor=2)
    board = PruningBoard(pruner)
    for run_no in (1, 2, 3):
        board.see(run_no, np.array([0, 1]), np.array([9.0, 0.1 * run_no]))
    assert board.is_new
    curve = OwnCurve()
    curve.add(0, 9.0)
    curve.add(1, 0.5)
    reason = pruner.find_reason(curve, board.build(), 4)
    curve.rungs = 0
    assert reason == "loss is 0.5 at step 1, not among the best 2 of 4 (0.2)"
    assert pruner.find_reason(curve, board.build(), 1) is not None, "its own row is not an other's"


def test_a_rung_that_was_passed_is_not_judged_again() -> None:
    pruner = successive_halving("loss", direction="min", min_resource=1, reduction_factor=2)
    board, curve = PruningBoard(pruner), OwnCurve()
    for step in (0, 1):
        curve.add(step, 0.5)
    assert pruner.find_reason(curve, board.build(), 1) is None, "it is the first to come"
    for run_no in (2, 3):
        board.see(run_no, np.array([1]), np.array([0.1]))
    assert pruner.find_reason(curve, board.build(), 1) is None
    curve.add(2, 0.5)
    board.see(2, np.array([1, 2]), np.array([0.1, 0.1]))
    assert "not among the best 1 of 2" in str(pruner.find_reason(curve, board.build(), 1)), "the next one is"


def test_what_was_not_finished_is_no_median() -> None:
    board = PruningBoard(MedianPruner("loss", "min", startup_trials=1))
    board.finish(1, np.arange(3), np.zeros(3), is_complete=False)
    assert board.build() == Others()


@pytest.mark.parametrize(
    "pruner",
    [median_pruner("loss", warmup_steps=5), successive_halving("loss", direction="max", min_resource=3)],
)
def test_it_comes_back_as_it_was_recorded(pruner: Pruner) -> None:
    assert pruner_from_json(pruner_to_json(pruner)) == pruner


def test_the_direction_is_that_of_the_asset_unless_it_says_one() -> None:
    known = {"loss": Metric("max")}
    assert give_direction(median_pruner("loss"), known) == MedianPruner("loss", "max")
    assert give_direction(median_pruner("loss", direction="min"), known) == MedianPruner("loss", "min")
    assert give_direction(median_pruner("other"), known) is None


def test_it_is_spelled_in_a_terminal_as_in_python() -> None:
    assert read_pruner('median_pruner("loss", warmup_steps=5)') == median_pruner("loss", warmup_steps=5)
    assert read_pruner(" nbpart.successive_halving('loss')") == successive_halving("loss")


@pytest.mark.parametrize(
    "text", ["median", "open('x')", "median_pruner(open('x'))", "median_pruner('loss').kind", "(" * 500, ""]
)
def test_what_is_no_pruner_is_refused_and_not_run(text: str) -> None:
    with pytest.raises(DeclarationError, match="is no pruner: write median_pruner or successive_halving"):
        read_pruner(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('median_pruner("loss", warmup=5)', "warmup"),
        ("median_pruner()", "missing 1 required"),
        ('median_pruner("loss", warmup_steps=-1)', "warmup_steps is a whole number"),
        ('median_pruner("a b")', "no Python identifier"),
        ('median_pruner("loss", direction="down")', "direction is 'max' or 'min'"),
        ('successive_halving("loss", min_resource=0)', "min_resource is a whole number"),
        ('successive_halving("loss", reduction_factor=1)', "reduction_factor is a whole number"),
    ],
)
def test_options_that_cannot_be_are_refused(text: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        read_pruner(text)


def test_a_file_that_is_cut_short_is_refused() -> None:
    data = encode_others(Others())
    with pytest.raises(ValueError, match=r"bytes|cut short"):
        decode_others(data[:-1])
