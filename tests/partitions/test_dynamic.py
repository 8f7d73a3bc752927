from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError
from nbpart.partitions import (
    AddKeysRequest,
    Column,
    ColumnSource,
    DailyPartitions,
    DeleteKeysRequest,
    DynamicPartitions,
    Kind,
    Param,
    Parameters,
    StaticPartitions,
)

files = DynamicPartitions("files")
trials = DynamicPartitions("trials", params={"lr": float, "depth": Param(int, default=3)})
samples = DynamicPartitions("samples", columns={"batch": str, "age": Param(int, default=0)})
chunks = DynamicPartitions("chunks", under={"sample": samples})
reads = DynamicPartitions("reads", params={"n": int}, under={"chunk": chunks})

any_key = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8)


def names(definition: DynamicPartitions) -> list[str]:
    return [column.name for column in definition.columns]


def test_attributes() -> None:
    assert (files.kind, files.set_name, files.parameters) == ("dynamic", "files", None)
    assert trials.parameters == Parameters.declare({"lr": float, "depth": Param(int, default=3)})
    assert (files.attributes, files.parent, files.parent_column, files.parts) == (None, None, None, ())
    assert (chunks.parent, chunks.parent_column, chunks.parts) == (samples, "sample", (("sample", samples),))


def test_declared_columns_do_not_make_the_key_and_need_no_value() -> None:
    assert samples.parameters is None
    assert samples.attributes is not None
    assert samples.attributes.canonical({}) == {"age": 0, "batch": None}
    assert samples.attributes.canonical({"batch": "B1", "age": None}) == {"age": None, "batch": "B1"}
    assert samples.spell_key("s1") == "s1"


def test_columns() -> None:
    assert files.columns == ()
    assert trials.columns == (
        Column("depth", Kind.INT, ColumnSource.PARAMETER),
        Column("lr", Kind.FLOAT, ColumnSource.PARAMETER),
    )
    assert {column.source for column in samples.columns} == {ColumnSource.ATTRIBUTE}
    assert names(chunks) == ["sample", "age", "batch", "chunks"]
    assert chunks.columns[0] == Column("sample", Kind.STR, ColumnSource.PART, "sample", None)
    assert chunks.columns[1] == Column("age", Kind.INT, ColumnSource.PART, "sample", samples.columns[0])
    assert chunks.columns[3] == Column("chunks", Kind.STR, ColumnSource.KEY)
    assert names(reads) == ["chunk", "sample", "age", "batch", "chunks", "n"]


def test_columns_below_a_day_and_a_number() -> None:
    days = DailyPartitions("days", "2013-01-01")
    parts = DynamicPartitions("parts", under={"day": days})
    assert names(parts) == ["day", "day_start", "day_end", "parts"]
    assert parts.columns[0] == Column("day", Kind.DATE, ColumnSource.PART, "day", days.value_column)
    below = DynamicPartitions("below", under={"fold": StaticPartitions(range(3), column="fold")})
    assert [(column.name, column.kind) for column in below.columns] == [("fold", Kind.INT), ("below", Kind.STR)]


def test_a_set_whose_name_is_no_column_gets_one_that_is() -> None:
    assert names(DynamicPartitions("my chunks!", under={"sample": files})) == ["sample", "my_chunks"]
    assert names(DynamicPartitions("error", under={"sample": files})) == ["sample", "key_error"]


def test_parameters_that_are_declared_already_are_taken_as_they_are() -> None:
    assert DynamicPartitions("trials", params=trials.parameters) == trials
    assert DynamicPartitions("samples", columns=samples.attributes) == samples


def test_definitions_are_frozen_hashable_and_survive_pickling() -> None:
    for definition in (files, trials, samples, chunks, reads):
        assert pickle.loads(pickle.dumps(definition)) == definition  # noqa: S301
        assert hash(definition) == hash(pickle.loads(pickle.dumps(definition)))  # noqa: S301
        with pytest.raises(AttributeError):
            definition.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: DynamicPartitions(""), "name"),
        (lambda: DynamicPartitions("a\nb"), "U\\+000A"),
        (lambda: DynamicPartitions(3), "name"),  # type: ignore[arg-type]
        (lambda: DynamicPartitions("a", params={"run_id": str}), "run_id"),
        (lambda: DynamicPartitions("a", params={"window_start": str}), "window_start"),
        (lambda: DynamicPartitions("a", params={"upstream": str}), "upstream"),
        (lambda: DynamicPartitions("a", columns={"Error": str}), "column name 'Error' has a meaning"),
        (lambda: DynamicPartitions("a", columns={}), "no column"),
        (lambda: DynamicPartitions("a", under={}), "one parent"),
        (lambda: DynamicPartitions("a", under={"b": files, "c": files}), "one parent"),
        (lambda: DynamicPartitions("a", under="files"), "one parent"),  # type: ignore[arg-type]
        (lambda: DynamicPartitions("a", under={"b": None}), "None is no partitions definition"),
        (lambda: DynamicPartitions("a", under={"status": files}), "status"),
        (
            lambda: DynamicPartitions("a", params={"x": int}, columns={"x": int}),
            "Partitions 'a': two columns would have the name 'x', one from its parameter and one from its column",
        ),
        (
            lambda: DynamicPartitions("a", params={"Batch": int}, under={"s": samples}),
            "the name 'Batch', but for its case, one from the column 'batch' of 's' and one from its parameter",
        ),
        (lambda: DynamicPartitions("s", under={"s": files}), "name 's', one from 's' and one from its key"),
        (
            lambda: DynamicPartitions("a", columns={"lr": int}, under={"lr": trials}),
            "one from 'lr' and one from the parameter 'lr' of 'lr'",
        ),
    ],
)
def test_declarations_that_are_refused(make: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        make()


@given(any_key, any_key)
def test_the_key_of_a_child_comes_back_as_it_was(parent: str, own: str) -> None:
    key = chunks.spell(parent, own)
    assert chunks.split(key) == (parent, own)
    assert chunks.spell_key(key) == key
    assert chunks.spell_key({"sample": parent, "chunks": own}) == key


@given(any_key, any_key, st.integers(0, 9))
def test_the_key_of_a_childs_child_comes_back_as_it_was(sample: str, chunk: str, n: int) -> None:
    key = reads.spell_key({"chunk": {"sample": sample, "chunks": chunk}, "n": n})
    above, own = reads.split(key)
    assert (chunks.split(above), own) == ((sample, chunk), f"n={n}")
    assert reads.spell_key(key) == key


def test_two_children_never_have_one_key() -> None:
    assert chunks.spell("a/b", "c") == "a%2Fb/c"
    assert chunks.spell("a", "b/c") == "a/b%2Fc"
    assert reads.spell_key({"chunk": "a/0", "n": 1}) == "a%2F0/n%3D1"


def test_equal_keys_of_a_parent_are_one() -> None:
    parts = DynamicPartitions("parts", under={"day": DailyPartitions("days", "2013-01-01")})
    for same in ("2013-01-31/x", {"day": date(2013, 1, 31), "parts": "x"}, {"day": "2013-01-31 00:00", "parts": "x"}):
        assert parts.spell_key(same) == "2013-01-31/x"


def test_the_key_of_a_child_may_be_longer_than_an_own_one() -> None:
    key = chunks.spell_key({"sample": "/" * 1000, "chunks": "x" * 1000})
    assert len(key) == 4001
    assert chunks.spell_key(key) == key
    with pytest.raises(PartitionKeyError, match="1,001"):
        chunks.spell_key({"sample": "s", "chunks": "x" * 1001})


@pytest.mark.parametrize(
    ("key", "error", "says"),
    [
        ("a", PartitionKeyError, "Partitions 'chunks': .*sample/own"),
        ("a/b/c", PartitionKeyError, "%2F"),
        ("/b", PartitionKeyError, "sample/own"),
        ("a/", PartitionKeyError, "sample/own"),
        ("a%/b", PartitionKeyError, "%25"),
        (3, PartitionKeyError, "int"),
        ({"sample": "a"}, ParameterError, r"dict of \['sample', 'chunks'\]"),
        ({"chunks": "a"}, ParameterError, "sample"),
        ({"sample": "a", "chunks": "b", "chunk": 1}, ParameterError, "did you mean 'chunks'"),
    ],
)
def test_keys_of_children_that_are_refused(key: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        chunks.spell_key(key)


def test_requests_of_a_sensor() -> None:
    assert files.build_add_request("a", ["b", "c"]) == AddKeysRequest("files", ("a", "b", "c"))
    assert trials.build_add_request({"lr": 1}) == AddKeysRequest("trials", ("depth=3,lr=1.0",))
    assert files.build_delete_request(["a"]) == DeleteKeysRequest("files", ("a",))
    assert chunks.build_add_request([{"sample": "a", "chunks": "0"}]) == AddKeysRequest("chunks", ("a/0",))
    with pytest.raises(PartitionKeyError):
        files.build_add_request("")
