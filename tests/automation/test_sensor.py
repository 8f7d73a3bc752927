from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError, RunRequest, SensorResult
from nbpart.assets.numbers import read_interval
from nbpart.automation import Sensor, SensorContext, as_result
from nbpart.partitions import AddKeysRequest


@pytest.mark.parametrize(
    ("every", "seconds"),
    [(5, 5), (0.5, 0.5), ("30s", 30), ("1.5 m", 90), ("1h", 3600), ("2d", 172800), (" 10s ", 10)],
)
def test_intervals_are_parsed(every: Any, seconds: float) -> None:
    assert read_interval(every) == seconds


@pytest.mark.parametrize("every", ["", "30", "s", "-1s", "0s", 0, -1, None, "30 seconds", "1h30m"])
def test_wrong_intervals_are_refused(every: Any) -> None:
    with pytest.raises(DeclarationError, match="is no interval"):
        read_interval(every)


def test_a_function_is_declared_as_a_sensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = nbpart.DynamicPartitions("files")

    @nbpart.sensor(every="1m", partitions=files)
    def find_files(context: Any) -> list[str]:
        """Find files."""
        return ["a"]

    @nbpart.sensor
    def bare(context: Any) -> None: ...

    assert isinstance(find_files, Sensor)
    assert (find_files.name, find_files.every_s, find_files.partitions, find_files.folder, find_files.description) == (
        "find_files", 60, files, tmp_path, "Find files.",
    )  # fmt: skip
    assert find_files(None) == ["a"]
    assert (bare.name, bare.every_s, bare.partitions) == ("bare", 30, None)
    assert repr(find_files) == "<nbpart sensor 'find_files' every 60 s>"


@pytest.mark.parametrize("wrong", [5, print, lambda: None, lambda a, b: None])
def test_wrong_sensors_are_refused(wrong: Any) -> None:
    with pytest.raises(DeclarationError, match=r"made from a function|takes one argument"):
        nbpart.sensor(wrong)


@pytest.mark.parametrize(
    "answer", [["a", "b"], ("a", "b"), {"b", "a"}, frozenset("ab"), iter("ab"), {"a": 1, "b": 2}.keys()]
)
def test_keys_become_requests_to_add_and_to_run(answer: Any) -> None:
    assert as_result(answer, "files") == SensorResult(
        [RunRequest(partition_key="a"), RunRequest(partition_key="b")], [AddKeysRequest("files", ("a", "b"))]
    )


def test_a_sensor_may_return_one_key_without_a_list() -> None:
    assert as_result("ab", "files").run_requests == [RunRequest(partition_key="ab")]
    assert as_result({"lr": 1}, "trials").run_requests == [RunRequest(partition_key={"lr": 1})]


def test_a_sensor_may_return_none_or_a_full_result() -> None:
    full = SensorResult(cursor="x")
    for answer in (None, [], set()):
        result = as_result(answer, None)
        assert (list(result.run_requests), list(result.dynamic_partitions_requests), result.cursor) == ([], [], None)
    assert as_result(full, None).cursor == "x"


@pytest.mark.parametrize("answer", [5, b"ab", object()])
def test_other_answers_are_refused(answer: Any) -> None:
    with pytest.raises(DeclarationError, match="a sensor returns keys"):
        as_result(answer, "files")


def test_keys_without_a_set_are_refused() -> None:
    with pytest.raises(DeclarationError, match="not clear to which partitions"):
        as_result(["a"], None)


def test_a_context_notes_which_sets_were_asked_for() -> None:
    context = SensorContext({"files": ["a"]}, "7")
    assert ("a" in context.partitions("files"), context.asked_sets, context.cursor) == (True, ["files"], "7")


def test_a_bad_file_name_found_by_a_sensor_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    result = as_result(["a", "caf\udce9", "b"], "files")
    assert [request.partition_key for request in result.run_requests] == ["a", "b"]
    assert result.dynamic_partitions_requests == [AddKeysRequest("files", ("a", "b"))]
    assert "1 of 3 names" in caplog.text
