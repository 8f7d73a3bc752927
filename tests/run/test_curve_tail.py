"""Following curves while they grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbpart.run.curve_tail import CurveTail
from nbpart.run.curves import CurveLog, read_lines
from nbpart.storage import LocalStore


@pytest.fixture
def log(tmp_path: Path) -> CurveLog:
    (tmp_path / "runs").mkdir()
    return CurveLog(tmp_path, tmp_path / "runs" / "r.curves")


def points(tail: CurveTail, metric: str = "loss") -> list[list[tuple[int, float]]]:
    return [list(zip(part.step.tolist(), part.value.tolist(), strict=True)) for part in tail.series(metric)]


def test_each_read_takes_what_was_appended(log: CurveLog) -> None:
    tail = CurveTail(log.path)
    tail.read()
    assert tail.names == ()
    log.log(0, {"loss": 1.0, "accuracy": 0.1})
    tail.read()
    log.log(1, {"loss": 0.5})
    log.log(1, {"loss": 0.4})
    assert points(tail) == [[(0, 1.0)]]
    tail.read()
    tail.read()
    assert points(tail) == [[(0, 1.0), (1, 0.5), (1, 0.4)]]
    assert tail.names == ("loss", "accuracy")
    assert points(tail, "other") == []


def test_a_step_that_goes_back_begins_a_part_wherever_a_read_was(log: CurveLog) -> None:
    tail = CurveTail(log.path)
    for step in (0, 1, 2, 0, 1):
        log.log(step, {"loss": float(step)})
        if step != 1:
            tail.read()
    tail.read()
    wanted = [[(0, 0.0), (1, 1.0), (2, 2.0)], [(0, 0.0), (1, 1.0)]]
    assert points(tail) == wanted
    whole = CurveTail(log.path)
    whole.read()
    assert points(whole) == wanted


def test_half_a_line_is_taken_when_it_is_whole(log: CurveLog) -> None:
    tail = CurveTail(log.path)
    log.log(0, {"loss": 1.0})
    with log.path.open("ab") as file:
        file.write(b"1\t5.0\tlo")
        file.flush()
        tail.read()
        assert points(tail) == [[(0, 1.0)]]
        file.write(b"ss\t0.25\n")
        file.flush()
        tail.read()
    assert points(tail) == [[(0, 1.0), (1, 0.25)]]


def test_of_a_run_that_has_ended_all_is_taken(log: CurveLog, tmp_path: Path) -> None:
    tail = CurveTail(log.path)
    log.log(0, {"loss": 1.0})
    tail.read()
    log.log(1, {"loss": 0.5})
    read_lines(log.path).save(LocalStore(tmp_path), "runs/r.curves.parquet")
    log.path.unlink()
    tail.read()
    assert points(tail) == [[(0, 1.0), (1, 0.5)]]
