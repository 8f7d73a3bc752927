from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, UnknownNameError
from nbpart.partitions import (
    AddKeysRequest,
    DeleteKeysRequest,
    DynamicPartitions,
    Param,
    Parameters,
    StaticPartitions,
    as_definition,
    spell_keys,
)

files = DynamicPartitions("files")
trials = DynamicPartitions("trials", params={"lr": float, "depth": Param(int, default=3)})
regions = StaticPartitions(["north", "south"])


def test_attributes() -> None:
    assert (files.kind, files.set_name, files.parameters) == ("dynamic", "files", None)
    assert trials.parameters == Parameters.declare({"lr": float, "depth": Param(int, default=3)})
    assert (regions.kind, regions.keys, regions.parameters) == ("static", ("north", "south"), None)
    assert StaticPartitions(["a"], name="letters").set_name == "letters"
    assert "north" in regions
    assert "east" not in regions


def test_parameters_that_are_declared_already_are_taken_as_they_are() -> None:
    assert DynamicPartitions("trials", params=trials.parameters) == trials


@given(st.lists(st.text("abc", min_size=1, max_size=3), unique=True, min_size=1), st.randoms(use_true_random=False))
def test_the_name_of_an_unnamed_list_is_its_content(keys: list[str], random: Any) -> None:
    shuffled = random.sample(keys, len(keys))
    assert StaticPartitions(keys).set_name == StaticPartitions(shuffled).set_name
    assert StaticPartitions(keys).set_name != StaticPartitions([*keys, "new"]).set_name
    assert StaticPartitions(shuffled).keys == tuple(shuffled)


def test_the_name_of_an_unnamed_list_never_changes() -> None:
    assert regions.set_name == "static-2d6425004efe"


def test_definitions_are_frozen_hashable_and_survive_pickling() -> None:
    for definition in (files, trials, regions):
        assert pickle.loads(pickle.dumps(definition)) == definition  # noqa: S301
        assert hash(definition) == hash(pickle.loads(pickle.dumps(definition)))  # noqa: S301
        with pytest.raises(AttributeError):
            definition.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: StaticPartitions(["a", "b", "a"]), "'a' twice"),
        (lambda: StaticPartitions([]), "DynamicPartitions"),
        (lambda: StaticPartitions("abc"), "list of keys, not 'abc'"),
        (lambda: StaticPartitions(["a"], name=""), "name"),
        (lambda: StaticPartitions(["a"], name="static-1"), "static-1"),
        (lambda: DynamicPartitions(""), "name"),
        (lambda: DynamicPartitions("a\nb"), "U\\+000A"),
        (lambda: DynamicPartitions(3), "name"),  # type: ignore[arg-type]
        (lambda: DynamicPartitions("a", params={"run_id": str}), "run_id"),
    ],
)
def test_declarations_that_are_refused(make: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        make()


def test_a_key_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(PartitionKeyError):
        StaticPartitions(["a", ""])


def test_what_can_stand_for_a_definition() -> None:
    assert as_definition(None) is None
    assert as_definition(files) is files
    assert as_definition(SimpleNamespace(definition=files)) is files
    for keys in (["a", "b"], ("a", "b"), map(str, "ab"), np.array(["a", "b"])):
        assert as_definition(keys) == StaticPartitions(["a", "b"])


@pytest.mark.parametrize("other", ["files", 3, {"lr": float}, {"a"}, b"ab"], ids=repr)
def test_what_cannot_stand_for_a_definition(other: object) -> None:
    with pytest.raises(DeclarationError, match="no partitions definition"):
        as_definition(other)


def test_spell_keys_takes_one_key_or_many() -> None:
    assert spell_keys(files, "a.csv") == ["a.csv"]
    assert spell_keys(files, ["b", "a", "b"]) == ["b", "a", "b"]
    assert spell_keys(files, (c for c in "ab")) == ["a", "b"]
    assert [type(key) for key in spell_keys(files, np.array(["a"]))] == [str]
    assert spell_keys(trials, {"lr": 0.1}) == ["depth=3,lr=0.1"]
    assert spell_keys(trials, "lr=0.10,depth=5") == ["depth=5,lr=0.1"]
    assert spell_keys(trials, [{"lr": 1}, "lr=1", {"lr": 2, "depth": 1}]) == ["depth=3,lr=1.0"] * 2 + ["depth=1,lr=2.0"]
    assert spell_keys(regions, ["south"]) == ["south"]
    assert spell_keys(files, []) == []


@pytest.mark.parametrize(
    ("definition", "keys", "error", "says"),
    [
        (files, "", PartitionKeyError, "Partitions 'files': .*empty"),
        (files, 3, PartitionKeyError, "int"),
        (files, ["a", None], PartitionKeyError, "NoneType"),
        (files, {"lr": 0.1}, ParameterError, "Partitions 'files': They have no parameters"),
        (trials, "a.csv", PartitionKeyError, "depth=…,lr=…"),
        (trials, [{"lr": "x"}], ParameterError, "Partitions 'trials': Parameter 'lr' takes float"),
        (trials, 3, PartitionKeyError, "int"),
        (regions, "nroth", UnknownNameError, "did you mean 'north'"),
    ],
)
def test_keys_that_are_refused(definition: Any, keys: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        spell_keys(definition, keys)


def test_requests_of_a_sensor() -> None:
    assert files.build_add_request("a", ["b", "c"]) == AddKeysRequest("files", ("a", "b", "c"))
    assert trials.build_add_request({"lr": 1}) == AddKeysRequest("trials", ("depth=3,lr=1.0",))
    assert files.build_delete_request(["a"]) == DeleteKeysRequest("files", ("a",))
    with pytest.raises(PartitionKeyError):
        files.build_add_request("")
