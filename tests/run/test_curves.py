"""Metrics that are logged by steps: what grows while a run goes on, and what is kept of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.assets.metrics import Metric
from nbpart.errors import ParameterError, UnsupportedTypeError
from nbpart.run.context import RunContext
from nbpart.run.curve_files import keep_curves
from nbpart.run.curves import Curves, load_curves, parse_lines
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from tests.run.conftest import make_spec

Make = Callable[..., tuple[RunContext, RunSpec]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make_run(**values: Any) -> tuple[RunContext, RunSpec]:
        spec = make_spec(tmp_path, "r1", **values)
        return RunContext(spec), spec

    return make_run


def curves_of(spec: RunSpec) -> list[tuple[Any, ...]]:
    table = load_curves(Path(spec.locate(spec.curves))).table
    return list(zip(*(table[name].to_pylist() for name in ("metric", "series", "step", "value")), strict=True))


def ended(spec: RunSpec, **values: Any) -> RunReport:
    at = datetime(2013, 1, 1, tzinfo=UTC)
    own = {"run_id": spec.run_id, "attempt": 1, "started_at": at, "finished_at": at, "status": RunStatus.SUCCEEDED}
    return keep_curves(spec, RunReport(**{**own, **values}))


def test_each_step_is_there_as_soon_as_it_was_logged(make: Make) -> None:
    run, spec = make()
    run.log(loss=0.5, accuracy=1, step=0)
    assert curves_of(spec) == [("loss", 0, 0, 0.5), ("accuracy", 0, 0, 1.0)]
    run.log(loss=np.float32(0.25), step=np.int64(1))
    assert curves_of(spec)[2:] == [("loss", 0, 1, 0.25)]


def test_a_step_that_goes_back_begins_a_second_curve_and_says_so_once(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    run, spec = make()
    for step in (0, 1, 1, 0, 5, 2):
        run.log(loss=float(step), step=step)
    run.log(other=1.0, step=0)
    assert [(name, series) for name, series, _, _ in curves_of(spec)] == [
        *(("loss", n) for n in (0, 0, 0, 1, 1, 2)),
        ("other", 0),
    ]
    assert capsys.readouterr().err.count("goes back from step 1 to 0: a second curve begins") == 1


def test_inf_and_nan_are_values(make: Make) -> None:
    run, spec = make(metrics={"loss": Metric("min")})
    for step, value in enumerate([0.3, math.nan, 0.2, math.inf]):
        run.log(loss=value, step=step)
        run.log(gone=math.nan, step=step)
    values = [value for name, _, _, value in curves_of(spec) if name == "loss"]
    assert values[0::2] == [0.3, 0.2]
    assert math.isnan(values[1])
    assert values[3] == math.inf
    metrics = ended(spec).metrics
    assert metrics["loss"] == 0.2
    assert math.isnan(float(metrics["gone"]))


def test_the_end_keeps_them_as_parquet_and_sums_them_up(make: Make) -> None:
    run, spec = make(metrics={"loss": Metric("min"), "accuracy": Metric("max", "last")})
    for step, value in enumerate([0.3, 0.1, 0.2]):
        run.log(loss=value, accuracy=value, seen=value, step=step)
    before = curves_of(spec)
    report = ended(spec, metrics={"seen": 7, "text": "a"})
    assert report.metrics == {"loss": 0.1, "accuracy": 0.2, "seen": 7, "text": "a"}
    assert report.curves == f"{spec.curves}.parquet"
    assert not Path(spec.locate(spec.curves)).exists()
    assert Path(spec.locate(report.curves)).exists()
    assert curves_of(spec) == before


def test_a_run_that_logged_no_step_has_no_curves(make: Make) -> None:
    run, spec = make()
    run.log(loss=1)
    assert curves_of(spec) == []
    assert ended(spec, metrics={"loss": 1}).curves is None
    assert not Path(spec.locate(spec.curves)).parent.joinpath("r1-1.curves.parquet").exists()


def test_a_run_that_was_killed_keeps_them_up_to_its_last_whole_line(make: Make) -> None:
    run, spec = make()
    run.log(loss=0.5, step=0)
    with open(spec.locate(spec.curves), "ab") as file:
        file.write(b"1\t1700000000.0\tlos")
    assert curves_of(spec) == [("loss", 0, 0, 0.5)]
    report = ended(spec, status=RunStatus.FAILED)
    assert report.metrics == {"loss": 0.5}


def test_curves_that_cannot_be_kept_do_not_fail_the_run(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run, spec = make()
    run.log(loss=0.5, step=0)

    def refuse(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Curves, "save", refuse)
    report = ended(spec)
    assert (report.status, report.note) == (RunStatus.SUCCEEDED, "its curves could not be kept: the disk is full")
    assert curves_of(spec) == [("loss", 0, 0, 0.5)]


@pytest.mark.parametrize(
    ("step", "values", "error", "message"),
    [
        (-1, {"loss": 1.0}, ParameterError, "a whole number from 0"),
        (0.5, {"loss": 1.0}, ParameterError, "not 0.5"),
        (True, {"loss": 1.0}, ParameterError, "not True"),
        (2**63, {"loss": 1.0}, ParameterError, "a whole number"),
        (0, {}, ParameterError, "nothing is logged at step 0"),
        (0, {"loss": "low"}, UnsupportedTypeError, "a curve has numbers"),
        (0, {"loss": [1.0]}, UnsupportedTypeError, "'loss' is a list"),
        (0, {"Loss": 1.0, "loss": 1.0}, ParameterError, "differs only in case"),
    ],
)
def test_what_is_no_point_of_a_curve_is_refused_whole(
    make: Make, step: Any, values: dict[str, Any], error: type[Exception], message: str
) -> None:
    run, spec = make()
    with pytest.raises(error, match=message):
        run.log(step=step, **values)
    assert curves_of(spec) == []


def test_a_name_is_one_metric_with_and_without_steps(make: Make) -> None:
    run, _ = make()
    run.log(loss=1.0, step=0)
    with pytest.raises(ParameterError, match="differs only in case"):
        run.log(Loss=1.0)
    run.log(accuracy=1.0)
    with pytest.raises(ParameterError, match="differs only in case"):
        run.log(Accuracy=1.0, step=0)


def test_a_scalar_of_another_library_is_taken(make: Make) -> None:
    class Tensor:
        """As torch has it: a number with a shape."""

        shape: tuple[int, ...] = ()

        def item(self) -> float:
            return 0.5

    run, spec = make()
    run.log(loss=Tensor(), step=0)
    run.log(other=Tensor())
    assert curves_of(spec) == [("loss", 0, 0, 0.5)]
    assert run.output.metrics == {"other": 0.5}


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.floats(allow_nan=False), st.sampled_from(["a", "ä"]))))
def test_lines_come_back_as_they_were_written(points: list[tuple[int, float, str]]) -> None:
    data = "".join(f"{step}\t1.5\t{name}\t{value!r}\n" for step, value, name in points).encode()
    table = parse_lines(data)
    assert list(zip(*(table[n].to_pylist() for n in ("step", "value", "metric")), strict=True)) == points


@given(st.binary(max_size=60).filter(lambda data: b"\n" not in data))
def test_a_line_that_is_none_takes_no_other_with_it(broken: bytes) -> None:
    data = b"0\t1.5\tloss\t0.5\n" + broken + b"\n1\t1.5\tloss\t0.25\n"
    values = parse_lines(data)["value"].to_pylist()
    assert (values[0], values[-1]) == (0.5, 0.25)
