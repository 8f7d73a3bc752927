from __future__ import annotations

from typing import Any

import pytest

from nbpart.assets.asset import asset
from nbpart.assets.binding import bind_arguments
from nbpart.errors import DeclarationError
from nbpart.partitions import DynamicPartitions

FILES = DynamicPartitions("files")
TRIALS = DynamicPartitions("trials", params={"lr": float, "depth": int})
KNOWN = ("inbox", "clean", "lr_table")


def bind(function: Any, partitions: Any = TRIALS, name: str = "model") -> dict[str, str]:
    made = asset(name=name, partitions=partitions)(function)
    return {a.name: a.kind for a in bind_arguments(made, KNOWN)}


def test_every_kind_of_argument() -> None:
    def f(partition_key, run, lr, inbox, clean, factor=2, *, depth: int = 3): ...

    assert bind(f) == {
        "partition_key": "partition_key",
        "run": "run",
        "lr": "parameter",
        "inbox": "input",
        "clean": "input",
        "factor": "setting",
        "depth": "parameter",
    }


def test_the_order_and_the_defaults_are_kept() -> None:
    def f(inbox, /, factor=(1, 2)): ...

    one, two = bind_arguments(asset(f), KNOWN)
    assert (one.name, one.positional_only) == ("inbox", True)
    assert (two.default, two.positional_only) == ((1, 2), False)
    assert bind(lambda_free, None) == {}


def lambda_free() -> None: ...


def test_parameters_bind_only_where_they_are_declared() -> None:
    def f(lr): ...

    assert bind(f) == {"lr": "parameter"}
    for partitions in (None, FILES, ["a", "b"]):
        with pytest.raises(DeclarationError, match=r"no asset, source or column of .*; there is .*'lr_table'"):
            bind(f, partitions)


def test_what_would_bind_twice_is_refused() -> None:
    def of_two(inbox): ...

    def defaulted(inbox=None): ...

    both = DynamicPartitions("both", params={"inbox": str})
    with pytest.raises(DeclarationError, match="'inbox' could be a parameter of its partitions or an asset or source"):
        bind(of_two, both)
    with pytest.raises(DeclarationError, match="'inbox' could be an asset or source or a setting with a default"):
        bind(defaulted)


def test_a_parameter_may_have_a_default_for_calls_by_hand() -> None:
    def f(lr=0.1, partition_key=None): ...

    assert bind(f) == {"lr": "parameter", "partition_key": "partition_key"}


@pytest.mark.parametrize("partitions", [FILES, ["a"], TRIALS])
def test_a_key_needs_partitions(partitions: Any) -> None:
    def f(partition_key): ...

    assert bind(f, partitions) == {"partition_key": "partition_key"}
    with pytest.raises(DeclarationError, match="takes partition_key but has no partitions"):
        bind(f, None)


def test_an_unknown_name_is_refused_and_the_nearest_offered() -> None:
    def typo(inbix): ...

    def strange(zzz): ...

    with pytest.raises(DeclarationError, match=r"asset 'model': the argument 'inbix' .* did you mean 'inbox'\?"):
        bind(typo)
    with pytest.raises(DeclarationError, match=r"'zzz' .*give it a default .* there is 'clean', 'depth', 'inbox', "):
        bind(strange)


def test_an_asset_is_not_its_own_input() -> None:
    def clean(clean): ...

    def other(clean=3): ...

    with pytest.raises(DeclarationError, match="'clean' is no asset"):
        bind(clean, name="clean")
    assert bind(other, name="clean") == {"clean": "setting"}


def test_arguments_without_a_name_cannot_bind() -> None:
    def many(*inputs): ...

    def named(**inputs): ...

    for function in (many, named):
        with pytest.raises(DeclarationError, match=r"\*inputs cannot be bound"):
            bind(function)
