"""Some odd notebooks of `make conformance`, which compares all: nbpart makes what a stock kernel does."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from conformance.odd import AT_TIMES, DIFFERS, SAME, UNSTEADY, judge
from conformance.odd_comparison import Parts, parts_of
from conformance.odd_execution import execute_in, join_streams, make_kernelspec
from conformance.odd_notebooks import find_notebooks
from nbpart.run.kernels import zygotes

NAMES = (
    "print_order",
    "results",
    "display_updates",
    "clear_output",
    "mime_bundles",
    "chained_errors",
    "error_ends",
    "context_variables",
)


@pytest.mark.kernel
@pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only")
@pytest.mark.parametrize("name", NAMES)
def test_the_outputs_are_those_of_a_stock_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it a stock kernel leaves the output of subprocesses alone
    for variable in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    make_kernelspec(tmp_path / "JUPYTER_DATA_DIR")
    (odd,) = find_notebooks([name])
    parts = {}
    for way, folder in (("stock", tmp_path / "by-a"), ("nbpart", tmp_path / "by-b")):
        parts[way] = parts_of(odd, execute_in(odd, way, folder), str(folder))
    assert judge([parts["stock"]], [parts["nbpart"]]) == (SAME, "")


def test_every_kind_of_difference_is_found() -> None:
    (odd,) = find_notebooks(["error_ends"])
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "one\n"},
        {"output_type": "display_data", "data": {"text/plain": "1"}, "metadata": {}},
        {"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["in 0x7f00aabbcc"]},
    ]
    cell = {"source": "", "execution_count": 1, "metadata": {"tags": []}, "outputs": outputs}
    executed = {"cells": [cell], "metadata": {"widgets": {"id": "a" * 32}}, "ending": ["E", "x"]}
    changes = {
        "text": lambda cell: cell["outputs"][0].update(text="One\n"),
        "stream": lambda cell: cell["outputs"][0].update(name="stderr"),
        "pieces": lambda cell: cell["outputs"].insert(1, {"output_type": "stream", "name": "stdout", "text": ""}),
        "order": lambda cell: cell["outputs"].reverse(),
        "number": lambda cell: cell["outputs"].pop(),
        "type": lambda cell: cell["outputs"][1]["data"].update({"text/plain": 1}),
        "bundle": lambda cell: cell["outputs"][1]["data"].update({"text/html": ""}),
        "metadata": lambda cell: cell["outputs"][1]["metadata"].update(odd=1),
        "traceback": lambda cell: cell["outputs"][2]["traceback"].append(""),
        "count": lambda cell: cell.update(execution_count=None),
    }
    assert judge([parts_of(odd, executed, "/a")], [parts_of(odd, renewed(executed), "/a")]) == (SAME, "")
    for name, change in changes.items():
        other = deepcopy(executed)
        change(other["cells"][0])
        verdict, difference = judge([parts_of(odd, executed, "/a")], [parts_of(odd, other, "/a")])
        assert (verdict, difference[:7]) == (DIFFERS, "cell 1,"), name
    for part, value in (("metadata", {}), ("ending", [])):
        other = {**executed, part: value}
        verdict, difference = judge([parts_of(odd, executed, "/a")], [parts_of(odd, other, "/a")])
        assert (verdict, difference.partition(",")[0]) == (DIFFERS, part)


def renewed(executed: dict) -> dict:
    """The same with what every run makes new."""
    other = deepcopy(executed)
    other["metadata"]["widgets"]["id"] = "b" * 32
    other["cells"][0]["outputs"][2]["traceback"] = ["in 0x7f99aabbdd"]
    other["cells"][0]["metadata"]["papermill"] = {"duration": 1.0}
    return other


@pytest.mark.parametrize(
    ("stock", "ours", "verdict"),
    [("aa", "ab", AT_TIMES), ("aa", "bb", DIFFERS), ("ab", "ba", SAME), ("ab", "ac", UNSTEADY), ("ab", "cc", UNSTEADY)],
)
def test_what_two_executions_of_each_come_to(stock: str, ours: str, verdict: str) -> None:
    runs: list[list[Parts]] = [[{"cell 1": each} for each in way] for way in (stock, ours)]
    assert judge(*runs)[0] == verdict


def test_texts_of_a_stream_are_joined_as_front_ends_show_them() -> None:
    texts = ["a", "b\r", "c\n", "12\b", "\b3\r\n"]
    outputs = [{"output_type": "stream", "name": "stdout", "text": text} for text in texts]
    other = {"output_type": "stream", "name": "stderr", "text": "e"}
    assert [output["text"] for output in join_streams([*outputs, other])] == ["c\n3\r\n", "e"]
