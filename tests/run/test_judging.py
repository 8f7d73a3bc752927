"""What a check returns or raises, as its result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbpart.assets.check_definition import CheckArgument
from nbpart.assets.source_reading import FunctionCode
from nbpart.errors import UnsupportedTypeError
from nbpart.run.check_result import CheckResult, CheckSpec
from nbpart.run.judging import MOST_METADATA, judge, read_answer


@pytest.mark.parametrize(
    ("answer", "passed"),
    [(None, True), (True, True), (False, False), (np.True_, True), (np.False_, False), ({}, True),
     ({"passed": np.False_}, False), ({"passed": True, "rows": 1}, True), ({"rows": 0}, True)],
)  # fmt: skip
def test_whether_it_passed(answer: Any, passed: bool) -> None:
    assert read_answer(answer)[0] is passed


@pytest.mark.parametrize("answer", [1, "yes", [True], pd.DataFrame({"x": [1]}), {"passed": 1}, {"passed": "no"}])
def test_what_says_neither_is_refused(answer: Any) -> None:
    with pytest.raises(UnsupportedTypeError):
        read_answer(answer)


def test_what_it_found_is_plain_json() -> None:
    found = {
        "rows": np.int64(3), "share": float("nan"), "big": 10**30, 1: pd.Timestamp("2024-05-01"),
        "list": (np.float32(0.5), {"a"}), "array": np.arange(3), "text": "\udce9", "inner": {"x": None},
    }  # fmt: skip
    _, metadata = read_answer(found)
    assert json.loads(json.dumps(metadata)) == metadata
    assert metadata["rows"] == 3
    assert (metadata["share"], metadata["big"]) == ("nan", str(10**30))
    assert (metadata["1"], metadata["list"], metadata["array"]) == ("2024-05-01 00:00:00", [0.5, ["a"]], [0, 1, 2])
    with pytest.raises(UnsupportedTypeError, match="return what sums it up"):
        read_answer({"all": "x" * MOST_METADATA})


class OneRun:
    """The run of one partition."""

    asset, partition_key, partition_window = "orders", "a.csv", None

    def __init__(self) -> None:
        self.params, self.columns = {"depth": 3}, {"batch": "A"}

    def load(self, name: str | None = None) -> Any:
        return f"input {name}"


def check_of(source: str, *arguments: tuple[str, str]) -> CheckSpec:
    code = FunctionCode("f", "", "1", source=source)
    return CheckSpec("f", "1", code, tuple(CheckArgument(*one) for one in arguments))


def run(check: CheckSpec) -> CheckResult:
    return judge(check, OneRun(), lambda: "its data", lambda path: path)


def test_arguments_get_what_they_name() -> None:
    source = "def f(orders, partition_key, batch, depth, raw, run, limit=5):\n    return {**locals(), 'run': run.asset}"
    kinds = [("orders", "data"), ("partition_key", "key"), ("batch", "column"), ("depth", "column"), ("raw", "input"),
             ("run", "run")]  # fmt: skip
    assert run(check_of(source, *kinds)).metadata == {
        "orders": "its data", "partition_key": "a.csv", "batch": "A", "depth": 3, "raw": "input raw", "run": "orders",
        "limit": 5,
    }  # fmt: skip


def test_what_it_raises_fails_it_with_the_lines_of_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(check_of("def f():\n    raise ValueError('there are gaps')"))
    assert (result.passed, result.message) == (False, "ValueError: there are gaps")
    assert "raise ValueError('there are gaps')" in (result.traceback or "")
    assert str(Path("nbpart/run")) not in (result.traceback or "")
    assert "check f of orders, partition 'a.csv' failed" in capsys.readouterr().err
    assert run(check_of("def f():\n    raise SystemExit(3)")).message == "SystemExit: 3"
    assert run(check_of("def f():\n    return 'fine'")).message == (
        "UnsupportedTypeError: a check returns True, False, None or a dict of what it found, not a str"
    )
    with pytest.raises(KeyboardInterrupt):
        run(check_of("def f():\n    raise KeyboardInterrupt"))


def test_a_result_survives_json() -> None:
    result = run(check_of("def f():\n    return {'passed': False, 'rows': 3}"))
    assert CheckResult.from_json(json.loads(json.dumps(result.to_json()))) == result
    assert result.message == "rows=3"
    check = check_of("def f(orders): ...", ("orders", "data"))
    assert CheckSpec.from_json(json.loads(json.dumps(check.to_json()))) == check
