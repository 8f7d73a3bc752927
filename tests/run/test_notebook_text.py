"""An executed notebook as text is what nbformat writes."""

from __future__ import annotations

import copy
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.run.notebook_text import write_notebook

texts = st.text() | st.sampled_from(["a\nb", "a\r\nb\r", "\u2028", "\ud800", '"\\/\x07', "\N{SNOWMAN}"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
metadata = st.dictionaries(texts, values, max_size=3)
kinds = st.sampled_from(["text/plain", "text/html", "image/png", "image/svg+xml", "application/json", "a/b+json"])
bundles = st.dictionaries(kinds, texts | st.lists(texts, max_size=2) | metadata, max_size=3)
outputs = st.one_of(
    st.builds(lambda text: {"output_type": "stream", "name": "stdout", "text": text}, texts),
    st.builds(lambda data, meta: {"output_type": "display_data", "data": data, "metadata": meta}, bundles, metadata),
    st.builds(
        lambda data: {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}, bundles
    ),
    st.builds(lambda lines: {"output_type": "error", "ename": "E", "evalue": "e", "traceback": lines}, st.lists(texts)),
)
code = st.builds(
    lambda source, meta, shown: {
        "cell_type": "code", "id": "a", "source": source, "metadata": meta, "execution_count": None, "outputs": shown,
    },
    texts,
    metadata,
    st.lists(outputs, max_size=3),
)  # fmt: skip
pages = st.builds(
    lambda source, files: {"cell_type": "markdown", "id": "b", "source": source, "metadata": {}, "attachments": files},
    texts,
    st.dictionaries(texts, bundles, max_size=2),
)
transient = st.fixed_dictionaries({}, optional={"signature": texts, "orig_nbformat": st.integers()})
notebooks = st.builds(
    lambda meta, gone, cells: nbformat.from_dict(
        {"cells": cells, "metadata": {**meta, **gone}, "nbformat": 4, "nbformat_minor": 5}
    ),
    metadata,
    transient,
    st.lists(code | pages, max_size=4),
)


@given(notebooks)
def test_any_notebook_is_written_as_nbformat_does(notebook: Any) -> None:
    before = copy.deepcopy(notebook)
    assert write_notebook(notebook) == nbformat.v4.writes(copy.deepcopy(notebook))
    assert repr(notebook) == repr(before), "it is left as it was"


def of(value: Any) -> Any:
    cell = {"cell_type": "raw", "id": "a", "source": "", "metadata": {"trusted": True, "value": value}}
    return nbformat.from_dict({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize("value", [b"ascii", {1: "one"}, (1, 2), {}, [], float("nan"), 10**30])
def test_what_nbformat_can_write_is_written(value: Any) -> None:
    assert write_notebook(of(value)) == nbformat.writes(of(value))


def test_what_is_no_json_is_refused_as_nbformat_does() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_notebook(of(object()))


def test_plain_dicts_are_written_too() -> None:
    assert write_notebook(dict(of(1))) == nbformat.writes(of(1))
