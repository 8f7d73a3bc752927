from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError, RunRequest, SensorResult
from nbpart.automation import Sensor, SensorContext, as_result, read_interval
from nbpart.partitions import AddKeysRequest


@pytest.mark.parametrize(
    ("every", "seconds"),
    [(5, 5), (0.5, 0.5), ("30s", 30), ("1.5 m", 90), ("1h", 3600), ("2d", 172800), (" 10s ", 10)],
)
def test_intervals(every: Any, seconds: float) -> None:
    assert read_interval(every) == seconds


@pytest.mark.parametrize("every", ["", "30", "s", "-1s", "0s", 0, -1, None, "30 seconds", "1h30m"])
def test_what_is_no_interval(every: Any) -> None:
    with pytest.raises(DeclarationError, match="is no interval"):
        read_interval(every)


def test_declaring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = nbpart.DynamicPartitions("files")

    @nbpart.sensor(every="1m", partitions=files)
    def look(context: Any) -> list[str]:
        """Look."""
        return ["a"]

    @nbpart.sensor
    def bare(context: Any) -> None: ...

    assert isinstance(look, Sensor)
    assert (look.name, look.every_s, look.partitions, look.folder, look.description) == (
        "look", 60, files, tmp_path, "Look.",
    )  # fmt: skip
    assert look(None) == ["a"]
    assert (bare.name, bare.every_s, bare.partitions) == ("bare", 30, None)
    assert repr(look) == "<nbpart sensor 'look' every 60 s>"


@pytest.mark.parametrize("wrong", [5, print, lambda: None, lambda a, b: None])
def test_what_cannot_be_a_sensor(wrong: Any) -> None:
    with pytest.raises(DeclarationError, match=r"made from a function|takes one argument"):
        nbpart.sensor(wrong)


@pytest.mark.parametrize(
    "answer", [["a", "b"], ("a", "b"), {"b", "a"}, frozenset("ab"), iter("ab"), {"a": 1, "b": 2}.keys()]
)
def test_keys_become_requests_to_add_and_to_run(answer: Any) -> None:
    assert as_result(answer, "files") == SensorResult(
        [RunRequest("a"), RunRequest("b")], [AddKeysRequest("files", ("a", "b"))]
    )


def test_one_key_needs_no_list() -> None:
    assert as_result("ab", "files").run_requests == [RunRequest("ab")]
    assert as_result({"lr": 1}, "trials").run_requests == [RunRequest({"lr": 1})]


def test_nothing_and_the_full_form() -> None:
    full = SensorResult(cursor="x")
    assert as_result(None, None) == as_result([], None) == as_result(set(), "files") == SensorResult()
    assert as_result(full, None) is full


@pytest.mark.parametrize("answer", [5, b"ab", object()])
def test_other_answers_are_refused(answer: Any) -> None:
    with pytest.raises(DeclarationError, match="a sensor returns keys"):
        as_result(answer, "files")


def test_keys_of_no_known_set_are_refused() -> None:
    with pytest.raises(DeclarationError, match="not clear to which partitions"):
        as_result(["a"], None)


def test_a_context_notes_what_was_asked() -> None:
    context = SensorContext({"files": ["a"]}, "7")
    assert ("a" in context.partitions("files"), context.asked, context.cursor) == (True, ["files"], "7")


def test_one_bad_file_name_does_not_refuse_what_a_sensor_found(caplog: pytest.LogCaptureFixture) -> None:
    result = as_result(["a", "caf\udce9", "b"], "files")
    assert [request.partition_key for request in result.run_requests] == ["a", "b"]
    assert result.dynamic_partitions_requests == [AddKeysRequest("files", ("a", "b"))]
    assert "1 of 3 names" in caplog.text
