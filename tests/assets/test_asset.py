from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.assets.asset import Asset, Source, asset, find_collision, name_of, notebook, source
from nbpart.assets.definition import Dependency
from nbpart.errors import DeclarationError
from nbpart.partitions import DynamicPartitions, StaticPartitions

FILES = DynamicPartitions("files")


def test_a_bare_decorator_names_the_asset_after_its_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    @asset
    def squares(n: int) -> int:
        """Square it.

        And that is all.
        """
        return n * n

    assert isinstance(squares, Asset)
    assert (squares.name, squares.kind, squares.partitions, squares.deps) == ("squares", "function", None, ())
    assert squares.description == "Square it.\n\nAnd that is all."
    assert squares.folder == tmp_path
    assert squares(4) == 16
    assert repr(squares) == "<nbpart function asset 'squares'>"


def test_options_reach_the_asset() -> None:
    inbox = source("inbox", "inbox/{partition_key}", partitions=FILES)

    @asset(
        name="report",
        partitions=FILES,
        deps=[inbox, "other", inbox],
        on_missing_input="skip",
        description=" Told. ",
        group="daily",
        tags="slow",
        timeout_s=2.5,
    )
    def f() -> None:
        """Not told."""

    assert f.name == "report"
    assert f.partitions is FILES
    assert f.deps == (Dependency("inbox", "inbox"), Dependency("other", "other"))
    assert (f.on_missing_input, f.description, f.group, f.tags, f.timeout_s) == (
        "skip", "Told.", "daily", ("slow",), 2.5,
    )  # fmt: skip
    assert repr(f) == "<nbpart function asset 'report', partitions='files'>"


def test_options_can_be_given_together_with_the_function() -> None:
    assert asset(_nothing, name="other").name == "other"  # type: ignore[call-overload]


def test_a_list_of_keys_is_a_definition() -> None:
    made = asset(_nothing, partitions=["a", "b"])
    assert made.partitions == StaticPartitions(["a", "b"])


@pytest.mark.parametrize("deps", ["inbox", ("inbox",), [source("inbox", "x.csv")], source("inbox", "x.csv")])
def test_one_dependency_needs_no_list(deps: Any) -> None:
    assert asset(_nothing, deps=deps).deps == (Dependency("inbox", "inbox"),)


def test_dependencies_are_read_by_mappings_under_names_of_their_own() -> None:
    made = asset(_nothing, deps={"before": nbpart.previous(of="balance"), "flights": nbpart.overlap(-6), "old": "new"})
    assert made.deps == (
        Dependency("before", "balance", nbpart.previous()),
        Dependency("flights", "flights", nbpart.overlap(-6)),
        Dependency("old", "new"),
    )
    assert asset(_nothing, deps=nbpart.last(of="a")).deps == (Dependency("a", "a", nbpart.last()),)
    for wrong in ([nbpart.last()], {"no name": "a"}, ["a", nbpart.last(of="a")]):
        with pytest.raises(DeclarationError, match="_nothing"):
            asset(_nothing, deps=wrong)


def test_an_asset_can_be_a_dependency() -> None:
    above = asset(_nothing)
    assert asset(_nothing, name="below", deps=above).deps == (Dependency("_nothing", "_nothing"),)


@pytest.mark.parametrize("wrong", ["a name", 3, int, len, asset])
def test_only_a_function_becomes_an_asset(wrong: Any) -> None:
    if wrong is asset:
        wrong = asset(_nothing)
    with pytest.raises(DeclarationError, match="made from a function"):
        asset(wrong)


def test_a_lambda_has_no_name() -> None:
    with pytest.raises(DeclarationError, match="define the asset with def"):
        asset(lambda: None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "not a name"}, "'not a name' is no Python identifier"),
        ({"name": "status"}, "'status' has a meaning already"),
        ({"on_missing_input": "ignore"}, "'block' or 'skip', not 'ignore'"),
        ({"timeout_s": 0}, "number of seconds above 0, not 0"),
        ({"timeout_s": float("nan")}, "not nan"),
        ({"timeout_s": "1m"}, "not '1m'"),
        ({"deps": [object()]}, "neither an asset, nor a source"),
        ({"partitions": "files"}, "no partitions definition"),
    ],
)
def test_what_cannot_be_an_asset_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        asset(**options)(_nothing)


def test_an_option_that_does_not_exist_is_named() -> None:
    with pytest.raises(TypeError, match="partitons"):
        asset(partitons=FILES)(_nothing)  # type: ignore[call-overload]


def test_assets_are_frozen_and_equal_only_to_themselves() -> None:
    one, other = asset(_nothing), asset(_nothing)
    assert len({one, other, one}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "renamed"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("train.ipynb", "train"),
        ("train-model.ipynb", "train_model"),
        ("a b.ipynb", "a_b"),
        ("_own.ipynb", "_own"),
        ("01.06-Errors.ipynb", "notebook_01_06_Errors"),
        ("Übung (2).ipynb", "Übung_2"),
        ("données été.v2.ipynb", "données_été_v2"),
        ("分析-1.ipynb", "分析_1"),
        ("class.ipynb", "notebook_class"),
        ("status.ipynb", "notebook_status"),
        ("ﬁle.ipynb", "file"),
        ("???.ipynb", "notebook"),
        (f"{'long ' * 45}.ipynb", "long_" * 34 + "l"),
    ],
)
def test_a_notebook_is_named_after_its_file(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).write_text("{}", encoding="utf-8")
    made = notebook(tmp_path / file, partitions=FILES, kernel_name="ir", timeout_s=60)
    assert (made.name, made.kind, made.notebook, made.folder) == (name, "notebook", tmp_path / file, tmp_path)
    assert (made.partitions, made.kernel_name, made.timeout_s) == (FILES, "ir", 60)


def test_a_notebook_is_found_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.ipynb").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert notebook("train.ipynb", name="model").notebook == tmp_path / "train.ipynb"


def test_a_given_name_counts_and_not_that_of_the_file(tmp_path: Path) -> None:
    assert (notebook("01-load.ipynb", name="load").name, notebook("01-load.ipynb", name="load").is_named) == (
        "load",
        True,
    )
    assert not notebook("load.ipynb").is_named
    with pytest.raises(DeclarationError, match="'01-load' is no Python identifier"):
        notebook("load.ipynb", name="01-load")


def test_a_notebook_cannot_be_called(tmp_path: Path) -> None:
    """Nor is it looked for yet: a run with another working directory may import the module that declares it."""
    with pytest.raises(TypeError, match=r"'train' is a notebook and cannot be called; run it with ws\.materialize"):
        notebook(tmp_path / "train.ipynb")()


def test_a_source_knows_its_pattern_and_the_folder_it_was_declared_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = source("inbox", Path("inbox") / "{partition_key}", partitions=FILES, description="What came in.")
    assert isinstance(made, Source)
    assert (made.path, made.folder, made.kind) == ("inbox/{partition_key}", tmp_path, "source")
    assert repr(made) == "<nbpart source 'inbox' at 'inbox/{partition_key}'>"


def test_a_partitioned_source_needs_a_place_for_the_key() -> None:
    with pytest.raises(DeclarationError, match=r"every key would be 'inbox.csv': name \{partition_key\}"):
        source("inbox", "inbox.csv", partitions=FILES)
    assert source("inbox", "inbox.csv").partitions is None


def test_a_source_cannot_have_any_name() -> None:
    with pytest.raises(DeclarationError, match="source name 'in box'"):
        source("in box", "inbox.csv")


def test_the_name_of_an_asset_a_source_or_a_name() -> None:
    assert name_of("model") == "model"
    assert name_of(asset(_nothing)) == "_nothing"
    assert name_of(source("inbox", "inbox.csv")) == "inbox"
    with pytest.raises(DeclarationError, match="neither an asset, nor a source"):
        name_of(_nothing)


def test_names_that_differ_in_case_collide() -> None:
    known = {"model": "Model", "report": "report"}
    assert find_collision(["report", "other", "model"], known) == ("model", "Model")
    assert find_collision(["Model", "report", "other"], known) is None


def _nothing() -> None:
    return None


def test_what_a_selection_could_not_name_is_no_label() -> None:
    assert (asset(_nothing, tags=["db", "db"]).tags, source("inbox", "x.csv", tags="db", group="in").tags) == (
        ("db",),
        ("db",),
    )
    for wrong in ("a,b", "c++", "raw_*", " db", "", 3, "a\nb"):
        for make in (lambda w: asset(_nothing, tags=[w]), lambda w: source("inbox", "x.csv", tags=[w])):
            with pytest.raises(DeclarationError, match="the tag"):
                make(wrong)
        if wrong != "":
            with pytest.raises(DeclarationError, match="'_nothing': the group"):
                asset(_nothing, group=wrong)
