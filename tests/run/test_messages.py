"""Whatever a kernel sends as an output can be kept in a notebook."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbformat.v4 import output_from_msg

from nbpart.run.messages import mend_output


def make(kind: str, **content: Any) -> dict[str, Any]:
    return {"msg_type": kind, "header": {"msg_type": kind}, "content": content}


@pytest.mark.parametrize(
    ("given", "kept", "notes"),
    [
        ({"text/plain": "x", "text/html": ["a\n", "b"]}, {"text/plain": "x", "text/html": ["a\n", "b"]}, 0),
        ({"application/json": {"a": None}, "application/vnd.x+json": [1]}, ..., 0),
        ({"text/plain": 3, "text/html": ["a", 2]}, {"text/plain": "3", "text/html": '["a", 2]'}, 2),
        ({"text/plain": "x", "text/latex": None}, {"text/plain": "x"}, 1),
        ({"image/png": [1, 2], "image/svg+xml": 3, "text/plain": "x"}, {"text/plain": "x"}, 2),
        (None, {}, 1),
        ("text", {}, 1),
    ],
)
@pytest.mark.parametrize("metadata", [{"a": 1}, None, "odd"])
def test_a_display_is_mended(given: Any, kept: Any, notes: int, metadata: Any) -> None:
    for kind, more in (("display_data", {}), ("execute_result", {"execution_count": "1"})):
        message = make(kind, data=given, metadata=metadata, **more)
        assert len(mend_output(message)) == notes
        output = output_from_msg(message)  # type: ignore[no-untyped-call]
        assert output.data == (given if kept is ... else kept)
        assert output.metadata == (metadata if isinstance(metadata, dict) else {})
        nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])]))


def test_errors_and_streams_are_mended() -> None:
    for content in (
        {},
        {"ename": None, "evalue": 3, "traceback": None},
        {"ename": "E", "evalue": "", "traceback": "t"},
    ):
        message = make("error", **content)
        assert mend_output(message) == []
        output_from_msg(message)  # type: ignore[no-untyped-call]
    message = make("stream", name="stdout", text=3)
    assert mend_output(message) == []
    assert output_from_msg(message).text == "3"  # type: ignore[no-untyped-call]


def test_what_is_no_output_is_left_alone() -> None:
    message = make("status", execution_state="idle")
    assert mend_output(message) == []
    assert message == make("status", execution_state="idle")
