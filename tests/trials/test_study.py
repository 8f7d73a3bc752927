"""Studies: Optuna asks, partitions answer, and the catalog is what is true."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
import pytest

import nbpart
from benchmarks.studies import branin
from nbpart.errors import BackfillFailedError, DeclarationError, MissingInputError, ParameterError, UnknownNameError
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Logged, Outcome, Stage
from tests.recording import record

SQUARE: dict[str, Any] = {"x": nbpart.uniform(-5, 10), "y": nbpart.uniform(0, 15)}


def score(spec: RunSpec) -> Outcome:
    return Logged({"loss": branin(spec.params["x"], spec.params["y"])})  # type: ignore[arg-type]


def declare(
    ws: nbpart.Workspace,
    answer: Callable[[RunSpec], Outcome | None] = score,
    params: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Stage:
    """An asset `model`, whose runs come to what ``answer`` says."""
    stage = Stage(answer)
    ws.project.make_pool = stage.make_pool

    @ws.asset(partitions=ws.dynamic_partitions("trials", params or SQUARE), metrics=metrics or {"loss": "min"})
    def model(run: Any) -> dict[str, Any]:
        return {}

    return stage


def declare_chain(ws: nbpart.Workspace, trials: nbpart.PartitionSet) -> None:
    """An asset `model` that reads `features` of the same trial."""

    @ws.asset(partitions=trials)
    def features() -> dict[str, Any]:
        return {}

    @ws.asset(partitions=trials, metrics={"loss": "min"})
    def model(features: Any) -> dict[str, Any]:
        return {}


def run_by_hand(ws: nbpart.Workspace, *, x: float, y: float, loss: float) -> None:
    ws.partitions("trials").add(x=x, y=y)
    record(ws, "model", {"x": x, "y": y}, loss=loss)


def ask_plainly(n: int, sampler: Any, evaluate: Callable[..., float] = branin) -> list[dict[str, Any]]:
    study = optuna.create_study(sampler=sampler)
    space = {
        "x": optuna.distributions.FloatDistribution(-5, 10),
        "y": optuna.distributions.FloatDistribution(0, 15),
    }
    for _ in range(n):
        trial = study.ask(space)
        study.tell(trial, evaluate(**trial.params))
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("seed", [0, 1])
def test_one_at_a_time_it_asks_what_plain_optuna_asks(ws: nbpart.Workspace, seed: int) -> None:
    declare(ws)
    study = ws.study("model", objective="loss", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(18, max_workers=1).wait(progress=False).raise_for_failures()
    study.optimize(7, max_workers=1).wait(progress=False)
    assert [trial.params for trial in study.optuna.trials] == ask_plainly(25, optuna.samplers.TPESampler(seed=seed))
    assert all(len(key) < 30 for key in ws.partition_status("model")["partition_key"]), "keys can be read"


def test_the_study_says_what_was_found(ws: nbpart.Workspace) -> None:
    declare(ws)
    study = ws.study("model", objective="loss", sampler=optuna.samplers.TPESampler(seed=0))
    assert repr(study) == "<Study of model, loss min: no trials yet>"
    assert study.best.empty
    backfill = study.optimize(12, max_workers=1).wait(progress=False)
    assert repr(backfill).endswith("succeeded: 12 succeeded>")
    assert backfill.steps()["reason"].unique().tolist() == ["asked by its study"]
    assert study.frame.columns.tolist() == ["partition_key", "x", "y", "loss", "state", "run_id"]
    best = ws.compare("model").best
    assert best is not None
    assert study.best["partition_key"].tolist() == [best.partition_key]
    assert study.optuna.best_trial.user_attrs["partition_key"] == best.partition_key
    assert f"12 complete; best {best.partition_key} (loss " in repr(study)
    assert best.partition_key in study._repr_html_()


def test_in_parallel_no_more_than_the_workers_are_asked_ahead(ws: nbpart.Workspace) -> None:
    stage = declare(ws, lambda spec: None)
    study = ws.study("model", objective="loss")
    backfill = study.optimize(6, max_workers=3)
    wait_until(lambda: len(stage.started) == 3)
    assert [trial.state.name for trial in study.optuna.trials] == ["RUNNING"] * 3
    [pool] = stage.pools
    pool.end(stage.started[1], score(stage.started[1]))  # type: ignore[arg-type]
    wait_until(lambda: len(stage.started) == 4)
    assert [trial.state.name for trial in study.optuna.trials] == ["RUNNING", "COMPLETE", "RUNNING", "RUNNING"]
    stage.answer = score
    for spec in list(pool.running.values()):
        pool.end(spec, score(spec))  # type: ignore[arg-type]
    backfill.wait(progress=False)
    assert backfill.counts()["succeeded"] == 6
    assert pool.most_at_once == 3


def test_what_ran_by_hand_counts(ws: nbpart.Workspace) -> None:
    declare(ws)
    run_by_hand(ws, x=1.0, y=2.0, loss=7.0)
    study = ws.study("model", objective="loss")
    study.optimize(3, max_workers=1).wait(progress=False)
    run_by_hand(ws, x=3.0, y=4.0, loss=-1.0)
    assert len(study.frame) == 5
    assert study.best[["x", "y", "loss"]].values.tolist() == [[3.0, 4.0, -1.0]]


def test_what_others_make_meanwhile_is_told(ws: nbpart.Workspace) -> None:
    seen: list[int] = []

    def answer(spec: RunSpec) -> Outcome:
        if not seen:
            run_by_hand(ws, x=1.0, y=2.0, loss=7.0)
        seen.append(1)
        return score(spec)  # type: ignore[return-value]

    declare(ws, answer)
    study = ws.study("model", objective="loss")
    study.optimize(3, max_workers=1).wait(progress=False)
    assert sorted(study.optuna.trials_dataframe()["value"].round(1)).count(7.0) == 1


def test_two_asks_that_round_to_one_key_share_its_run(ws: nbpart.Workspace) -> None:
    stage = declare(
        ws,
        lambda spec: Logged({"loss": spec.params["n"]}),
        {"n": nbpart.integers(0, 2)},  # type: ignore[arg-type]
    )
    study = ws.study("model", objective="loss", sampler=optuna.samplers.RandomSampler(seed=0))
    backfill = study.optimize(20, max_workers=2).wait(progress=False)
    assert sorted(spec.partition_key or "" for spec in stage.started) == ["n=0", "n=1", "n=2"]
    assert backfill.counts()["succeeded"] == 3
    assert backfill.status == "succeeded"
    values = [trial.value for trial in study.optuna.trials]
    assert len(values) == 20
    assert values == [trial.params["n"] for trial in study.optuna.trials]


def test_a_grid_ends_when_all_of_it_was_asked(ws: nbpart.Workspace) -> None:
    stage = declare(
        ws,
        lambda spec: Logged({"loss": spec.params["n"]}),
        {"n": nbpart.integers(0, 9)},  # type: ignore[arg-type]
    )
    study = ws.study("model", objective="loss", sampler=optuna.samplers.GridSampler({"n": np.array([1, 3, 5])}))
    backfill = study.optimize(20, max_workers=1).wait(progress=False)
    assert backfill.status == "succeeded"
    assert sorted(spec.params["n"] for spec in stage.started) == [1, 3, 5]  # type: ignore[type-var]
    assert "succeeded" in backfill.explain_nothing_to_resume()


def test_failures_and_early_ends_are_told_as_such(ws: nbpart.Workspace) -> None:
    def answer(spec: RunSpec) -> Outcome:
        n = spec.params["n"]
        if n == 0:
            return ValueError("no such n")
        return Logged({"loss": 0.0 if n == 1 else n}, stopped_early=n == 1)  # type: ignore[arg-type,dict-item]

    declare(ws, answer, {"n": nbpart.integers(0, 3)})
    study = ws.study("model", objective="loss", sampler=optuna.samplers.BruteForceSampler(seed=0))
    backfill = study.optimize(4, max_workers=1).wait(progress=False)
    states = {trial.params["n"]: trial.state.name for trial in study.optuna.trials}
    assert states == {0: "FAIL", 1: "PRUNED", 2: "COMPLETE", 3: "COMPLETE"}
    assert study.optuna.best_trial.params == {"n": 2}
    assert study.best["n"].tolist() == [2]
    with pytest.raises(BackfillFailedError, match="1 failed"):
        backfill.raise_for_failures()
    again = backfill.retry_failed().wait(progress=False)
    assert again.counts()["failed"] == 1, "the failed ones alone, nothing more is asked"
    assert sum(again.counts().values()) == 1


def test_nan_is_a_failure_and_never_best(ws: nbpart.Workspace) -> None:
    declare(
        ws,
        lambda spec: Logged({"loss": math.nan if spec.params["n"] == 0 else math.inf if spec.params["n"] == 1 else 5}),
        {"n": nbpart.integers(0, 2)},
    )
    study = ws.study("model", objective="loss", sampler=optuna.samplers.BruteForceSampler(seed=0))
    study.optimize(3, max_workers=1).wait(progress=False)
    assert {t.params["n"]: t.state.name for t in study.optuna.trials} == {0: "FAIL", 1: "COMPLETE", 2: "COMPLETE"}
    assert study.best["n"].tolist() == [2]


def test_several_objectives_have_several_best(ws: nbpart.Workspace) -> None:
    declare(
        ws,
        lambda spec: Logged({"a": spec.params["n"], "b": abs(spec.params["n"] - 3)}),  # type: ignore[operator,arg-type,dict-item]
        {"n": nbpart.integers(0, 5)},
        {"a": "max", "b": "min"},
    )
    study = ws.study("model", objectives=["a", "b"], sampler=optuna.samplers.BruteForceSampler(seed=0))
    study.optimize(6, max_workers=2).wait(progress=False)
    assert sorted(study.best["n"]) == [3, 4, 5]
    assert sorted(trial.params["n"] for trial in study.optuna.best_trials) == [3, 4, 5]
    assert "3 that none beats in all" in repr(study)


def test_how_long_a_run_took_is_an_objective(ws: nbpart.Workspace) -> None:
    declare(ws)
    study = ws.study("model", objectives={"loss": "min", "duration_s": "min"})
    study.optimize(3, max_workers=1).wait(progress=False)
    assert study.frame["duration_s"].tolist() == [0.1] * 3
    assert [trial.values[1] for trial in study.optuna.trials] == [0.1] * 3


def test_one_that_was_cancelled_is_taken_up_where_it_was(ws: nbpart.Workspace) -> None:
    stage = declare(ws, lambda spec: score(spec) if len(stage.started) <= 5 else None)  # type: ignore[return-value]
    study = ws.study("model", objective="loss", sampler=optuna.samplers.TPESampler(seed=0))
    backfill = study.optimize(12, max_workers=2)
    wait_until(lambda: len(stage.started) == 7)
    with pytest.raises(DeclarationError, match="a study of model runs already, with 5 trials to ask for"):
        study.optimize(1)
    backfill.cancel()
    assert backfill.status == "cancelled"
    counts = backfill.counts()
    assert (counts["succeeded"], counts["cancelled"], counts["planned"]) == (5, 2, 5)
    assert [trial.state.name for trial in study.optuna.trials] == ["COMPLETE"] * 5
    stage.answer = score
    backfill.resume().wait(progress=False)
    assert backfill.status == "succeeded"
    assert backfill.counts() == {**dict.fromkeys(backfill.counts(), 0), "succeeded": 12}
    trials = study.optuna.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 12
    assert len({trial.user_attrs["partition_key"] for trial in trials}) == 12


def test_a_study_without_a_sampler_in_this_process_goes_on_with_optunas(
    ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    stage = declare(ws, lambda spec: score(spec) if len(stage.started) <= 2 else None)  # type: ignore[return-value]
    study = ws.study("model", objective="loss", sampler=optuna.samplers.RandomSampler(seed=0))
    backfill = study.optimize(5, max_workers=1)
    wait_until(lambda: len(stage.started) == 3)
    backfill.cancel()
    ws.project.samplers.clear()  # as in another process
    stage.answer = score
    with caplog.at_level(logging.WARNING, "nbpart"):
        backfill.resume().wait(progress=False)
    assert "goes on with Optuna's own sampler instead of RandomSampler" in caplog.text
    assert backfill.counts()["succeeded"] == 5


def test_the_same_sampler_in_another_process_does_not_ask_the_same_again(ws: nbpart.Workspace) -> None:
    stage = declare(ws)
    ws.study("model", objective="loss", sampler=optuna.samplers.RandomSampler(seed=0)).optimize(5).wait(progress=False)
    ws.project.samplers.clear()
    ws.project.samplers_used.clear()
    ws.study("model", objective="loss", sampler=optuna.samplers.RandomSampler(seed=0)).optimize(5).wait(progress=False)
    assert len({spec.partition_key for spec in stage.started}) == 10


def test_more_choices_and_other_ones_keep_the_trials_that_optuna_can_be_told(
    ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """Optuna 2199: with one more choice in the list the study could not be taken up."""

    def declare_batches(batches: list[int]) -> Stage:
        params = {"batch": nbpart.choice(batches), "lr": nbpart.loguniform(1e-4, 1e-1)}
        return declare(ws, lambda spec: Logged({"loss": spec.params["lr"]}), params)  # type: ignore[arg-type,dict-item]

    declare_batches([64, 128])
    ws.study("model", objective="loss").optimize(10).wait(progress=False)
    declare_batches([64, 128, 256, 512])
    study = ws.study("model", objective="loss")
    study.optimize(5).wait(progress=False)
    assert len(study.optuna.trials) == 15
    declare_batches([256])
    with caplog.at_level(logging.WARNING, "nbpart"):
        study = ws.study("model", objective="loss")
        study.optimize(5).wait(progress=False)
    assert "of its former trials" in caplog.text
    assert {trial.params["batch"] for trial in study.optuna.trials} == {256}
    assert len(ws.partition_status("model")) == 20, "none of the results is gone"


def test_bounds_that_moved_keep_the_trials(ws: nbpart.Workspace) -> None:
    declare(ws)
    ws.study("model", objective="loss").optimize(5).wait(progress=False)
    declare(ws, score, {"x": nbpart.uniform(0, 1), "y": nbpart.uniform(0, 1)})
    study = ws.study("model", objective="loss")
    study.optimize(5).wait(progress=False)
    assert len(study.optuna.trials) == 10
    assert all(0 <= trial.params["x"] <= 1 for trial in study.optuna.trials[5:])


def test_parameters_without_a_distribution_are_given(ws: nbpart.Workspace) -> None:
    stage = declare(ws, score, {**SQUARE, "seed": int})
    with pytest.raises(ParameterError, match="'seed' has no distribution to draw from"):
        ws.study("model", objective="loss")
    ws.study("model", objective="loss", values={"seed": 3}).optimize(2).wait(progress=False)
    assert [spec.params["seed"] for spec in stage.started] == [3, 3]


def test_an_objective_that_no_run_logged_ends_the_study_with_its_name(ws: nbpart.Workspace) -> None:
    stage = declare(ws, lambda spec: Logged({"losses": 1.0}))
    backfill = ws.study("model", objective="loss").optimize(5, max_workers=1)
    with pytest.raises(UnknownNameError, match=r"logged no 'loss', which is an objective.*did you mean 'losses'"):
        backfill.wait(progress=False)
    assert len(stage.started) == 1
    assert backfill.status == "interrupted"
    assert ws.partition_status("model")["status"].tolist() == ["materialized"], "what was recorded stays"


def test_an_objective_that_is_a_text_is_refused(ws: nbpart.Workspace) -> None:
    declare(ws, lambda spec: Logged({"loss": "0.3 (low)"}))
    with pytest.raises(DeclarationError, match=r"is the text '0.3 \(low\)', and an objective is a number"):
        ws.study("model", objective="loss").optimize(5, max_workers=1).wait(progress=False)


def test_a_run_that_logs_no_objective_where_others_did_is_a_failed_trial(
    ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    stage = declare(ws, lambda spec: Logged({} if len(stage.started) == 2 else {"loss": 1.0}))
    study = ws.study("model", objective="loss")
    with caplog.at_level(logging.WARNING, "nbpart"):
        study.optimize(3, max_workers=1).wait(progress=False)
    assert [trial.state.name for trial in study.optuna.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert "logged no 'loss'" in caplog.text


def test_missing_inputs_end_it_with_what_to_do(ws: nbpart.Workspace) -> None:
    stage = Stage(lambda spec: score(spec) if spec.asset == "model" else "data")
    ws.project.make_pool = stage.make_pool

    @ws.asset
    def table() -> dict[str, Any]:
        return {}

    @ws.asset(partitions=ws.dynamic_partitions("trials", SQUARE), metrics={"loss": "min"})
    def model(table: Any) -> dict[str, Any]:
        return {}

    study = ws.study("model", objective="loss")
    with pytest.raises(MissingInputError, match=r"every trial of model reads table.*ws.backfill\('table'\)"):
        study.optimize(5)
    assert not len(ws.backfills)
    ws.backfill("table").wait(progress=False)
    assert study.optimize(4, max_workers=1).wait(progress=False).counts()["succeeded"] == 4


def test_a_trial_whose_own_input_is_missing_ends_it(ws: nbpart.Workspace) -> None:
    stage = Stage(lambda spec: score(spec) if spec.asset == "model" else "data")
    ws.project.make_pool = stage.make_pool
    trials = ws.dynamic_partitions("trials", SQUARE)

    declare_chain(ws, trials)
    backfill = ws.study("model", objective="loss").optimize(5, max_workers=1)
    with pytest.raises(DeclarationError, match=r"model/x=.* is blocked: .*ws.backfill\('\+model'\)"):
        backfill.wait(progress=False)
    assert not stage.started
    ws.backfill("features").wait(progress=False)
    assert backfill.retry_failed().wait(progress=False).counts()["succeeded"] == 1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda ws: ws.study("model"), "a study has one objective="),
        (lambda ws: ws.study("model", objective="accuracy"), "does not say which way 'accuracy' is better"),
        (lambda ws: ws.study("model", objectives={"loss": "up"}), "'max' or its 'min', not at 'up'"),
        (lambda ws: ws.study("model", objectives={}), "at least one"),
        (lambda ws: ws.study("model", objective="loss", sampler="tpe"), "one of optuna.samplers"),
        (lambda ws: ws.study("model", objective="loss", pruner="median"), "nbpart.median_pruner"),
        (lambda ws: ws.study("modle", objective="loss"), "did you mean 'model'"),
        (lambda ws: ws.study("plain", objective="duration_s"), "has no partitions with parameters"),
        (lambda ws: ws.study("typed", objective="duration_s", values={"n": 1}), "no parameter of 'typed'"),
        (lambda ws: ws.study("model", objective="loss").optimize(0), "n_trials"),
    ],
)
def test_bad_input_is_one_sentence(
    ws: nbpart.Workspace, call: Callable[[nbpart.Workspace], Any], sentence: str
) -> None:
    declare(ws)
    ws.asset(plain)
    ws.asset(typed, partitions=ws.dynamic_partitions("typed", params={"n": int}))
    with pytest.raises((DeclarationError, UnknownNameError), match=sentence) as caught:
        call(ws)
    assert "\n" not in str(caught.value)


def plain() -> dict[str, Any]:
    return {}


def typed(n: int) -> dict[str, Any]:
    return {"n": n}


def wait_until(condition: Callable[[], bool]) -> None:
    import time

    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_a_trial_is_made_with_its_folds_and_what_these_read_once(ws: nbpart.Workspace) -> None:
    folds = ws.partitions(nbpart.StaticPartitions(range(3), name="folds", column="fold"))
    trials = ws.dynamic_partitions("trials", SQUARE)
    cv = ws.partitions(nbpart.MultiPartitions({"trial": trials, "fold": folds}, name="cv"))
    failing = {"x": 0.0}

    def answer(spec: RunSpec) -> Outcome:
        if spec.asset == "fit" and spec.columns["x"] == failing["x"] and spec.columns["fold"] == 1:
            return ValueError("no fit")
        return score(spec) if spec.asset == "score" else "data"  # type: ignore[return-value]

    stage = Stage(answer)
    ws.project.make_pool = stage.make_pool

    @ws.asset(partitions=folds)
    def split() -> dict[str, Any]:
        return {}

    @ws.asset(partitions=cv)
    def fit(split: Any) -> dict[str, Any]:
        return {}

    def judge(fit: Any) -> dict[str, Any]:
        return {}

    ws.asset(judge, name="score", partitions=trials, metrics={"loss": "min"})
    study = ws.study("+score", objective="loss", sampler=optuna.samplers.RandomSampler(seed=0))
    backfill = study.optimize(4, max_workers=2).wait(progress=False).raise_for_failures()
    made = [spec.asset for spec in stage.started]
    assert {name: made.count(name) for name in ("split", "fit", "score")} == {"split": 3, "fit": 12, "score": 4}
    assert backfill.counts()["succeeded"] == 19
    ended: dict[str, int] = {spec.partition_key or "": n for n, spec in enumerate(stage.started)}
    for spec in stage.started:
        if spec.asset == "score":
            folds_of = [n for key, n in ended.items() if "trial=" in key and str(spec.params["x"]) in key]
            assert len(folds_of) == 3
            assert max(folds_of) < ended[spec.partition_key or ""], "after its folds"

    study = ws.study("+score", objective="loss", sampler=optuna.samplers.GridSampler({"x": [0.0, 1.0], "y": [2.0]}))
    backfill = study.optimize(2, max_workers=2).wait(progress=False)
    assert backfill.status == "failed"
    states = {trial.params["x"]: trial.state.name for trial in study.optuna.trials[-2:]}
    assert states == {0.0: "FAIL", 1.0: "COMPLETE"}
    failing["x"] = -1.0
    backfill.retry_failed().wait(progress=False).raise_for_failures()
    assert [trial.state.name for trial in study.optuna.trials] == ["COMPLETE"] * 6


def test_a_study_with_its_inputs_is_taken_up_where_it_was(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", SQUARE)

    def answer(spec: RunSpec) -> Outcome | None:
        if len(stage.started) > 7:
            return None
        return score(spec) if spec.asset == "model" else "data"

    stage = Stage(answer)
    ws.project.make_pool = stage.make_pool

    declare_chain(ws, trials)
    study = ws.study("+model", objective="loss", sampler=optuna.samplers.RandomSampler(seed=0))
    backfill = study.optimize(6, max_workers=2)
    wait_until(lambda: len(stage.started) >= 8)
    backfill.cancel()
    stage.answer = lambda spec: score(spec) if spec.asset == "model" else "data"
    backfill.resume().wait(progress=False).raise_for_failures()
    assert backfill.status == "succeeded"
    assert [trial.state.name for trial in study.optuna.trials] == ["COMPLETE"] * 6
    for name in ("features", "model"):
        assert ws.partition_status(name)["status"].tolist() == ["materialized"] * 6


def test_a_trial_that_was_blocked_and_is_asked_for_again_failed(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", {"n": nbpart.integers(0, 1)})

    def answer(spec: RunSpec) -> Outcome:
        if spec.asset == "features" and spec.params["n"] == 0:
            return ValueError("no features")
        return Logged({"loss": 1.0})

    stage = Stage(answer)
    ws.project.make_pool = stage.make_pool

    declare_chain(ws, trials)
    study = ws.study("+model", objective="loss", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(16, max_workers=1).wait(60, progress=False)
    assert len(stage.started) == 3
    assert {t.params["n"]: t.state.name for t in study.optuna.trials} == {0: "FAIL", 1: "COMPLETE"}
    assert len(study.optuna.trials) == 16


def test_the_error_of_a_sampler_loses_no_result(ws: nbpart.Workspace) -> None:
    class Broken(optuna.samplers.RandomSampler):  # type: ignore[misc,name-defined]
        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            if trial.number == 2:
                raise ZeroDivisionError("of the sampler")

    declare(ws)
    backfill = ws.study("model", objective="loss", sampler=Broken(seed=0)).optimize(5, max_workers=1)
    with pytest.raises(ZeroDivisionError, match="of the sampler"):
        backfill.wait(progress=False)
    assert backfill.status == "interrupted"
    assert ws.partition_status("model")["status"].tolist() == ["materialized"] * 3
    ws.study("model", objective="loss", sampler=optuna.samplers.RandomSampler(seed=1))
    assert backfill.resume().wait(progress=False).counts()["succeeded"] == 5
