"""Running an asset for combinations of values: the types of its parameters and settings."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbpart
from nbpart.catalog import queries
from nbpart.errors import DeclarationError, ParameterError
from tests.backfill.pools import Stage
from tests.recording import write_notebook


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ws(project: Path, stage: Stage) -> Iterator[nbpart.Workspace]:
    with nbpart.open("workspace") as workspace:
        workspace.project.make_pool = stage.make_pool
        yield workspace


def register(ws: nbpart.Workspace, project: Path, parameters: str) -> Any:
    return ws.notebook(write_notebook(project / "train.ipynb", "lr", parameters=parameters))


def test_a_whole_number_as_default_widens_to_a_float(ws: nbpart.Workspace, project: Path) -> None:
    train = register(ws, project, "lr = 1\ndepth = 3")
    train.backfill(lr=[1, 0.5], depth=[np.int64(4)]).wait(progress=False)
    assert list(ws.partition_sets["train"]) == ["depth=4,lr=1.0", "depth=4,lr=0.5"]
    train.backfill(lr=2, depth=range(1, 2)).wait(progress=False)
    assert "depth=1,lr=2.0" in ws.partition_sets["train"]


def test_an_annotation_decides_the_type(ws: nbpart.Workspace, project: Path) -> None:
    train = register(ws, project, "lr: int = 1")
    with pytest.raises(ParameterError, match=r"0\.5"):
        train.backfill(lr=[1, 0.5])
    assert ws.partition_sets["train"].page() == []


def test_values_in_a_dict_may_be_called_as_options_are(ws: nbpart.Workspace, project: Path, stage: Stage) -> None:
    train = register(ws, project, "lr = 1\nretries = 0\npool = 'max'\nkeys = 1\nvalues = 0")
    values = {"retries": [1, 2], "pool": ["max", "avg"], "keys": 3}
    train.backfill(values, lr=[0.5], values=2, max_workers=4, retries=0).wait(progress=False)
    assert sorted(ws.partition_sets["train"]) == [
        f"keys=3,lr=0.5,pool={pool},retries={n},values=2" for pool in ("avg", "max") for n in (1, 2)
    ]
    assert {spec.injected["retries"] for spec in stage.started} == {1, 2}
    with pytest.raises(DeclarationError, match="Parameter 'lr' is given in the dict and by name"):
        train.backfill({"lr": 1}, lr=2)
    with pytest.raises(
        DeclarationError, match=r"takes a dict of parameter values, .* not \['a'\]; keys are given as keys="
    ):
        train.backfill(["a"])
    assert len(ws.partition_sets["train"]) == 4
    assert train.backfill({}, status="all").wait(progress=False).counts()["succeeded"] == 4


def test_a_cell_that_declares_the_notebook_again_keeps_its_parameters(ws: nbpart.Workspace, project: Path) -> None:
    register(ws, project, "lr = 1\ndepth = 3\nretries = 0").backfill(lr=[1, 0.5], depth=[4]).wait(progress=False)
    train = register(ws, project, "lr = 1\ndepth = 3\nretries = 0")
    train.backfill({"lr": [2], "retries": [0, 1]}).wait(progress=False)
    assert list(ws.partition_sets["train"]) == [
        "depth=4,lr=1.0", "depth=4,lr=0.5", "depth=3,lr=2.0", "depth=3,lr=2.0,retries=1",
    ]  # fmt: skip


def test_a_grid_keeps_what_samples_are_drawn_from(ws: nbpart.Workspace, project: Path) -> None:
    trials = ws.dynamic_partitions("train", params={"lr": nbpart.uniform(0, 1), "depth": nbpart.integers(1, 9)})
    train = ws.notebook(
        write_notebook(project / "train.ipynb", "lr", parameters="lr = 1\ndepth = 3"), partitions=trials
    )
    trials.add_sample(2, sampler_seed=0)
    train.backfill({"lr": [0.5], "depth": [2]}).wait(progress=False)
    assert len(trials) == 3
    assert repr(ws.partition_sets["train"].params) == "{'depth': Param(integers(1, 9)), 'lr': Param(uniform(0.0, 1.0))}"


def test_an_argument_of_a_function_widens_to_a_float_too(ws: nbpart.Workspace) -> None:
    @ws.asset
    def model(lr=1): ...  # type: ignore[no-untyped-def]

    model.backfill(lr=[0.5, 1]).wait(progress=False)
    assert list(ws.partition_sets["model"]) == ["lr=0.5", "lr=1.0"]


def test_integer_parameters_with_keys_are_not_widened(ws: nbpart.Workspace, project: Path) -> None:
    train = register(ws, project, "lr = 1")
    train.backfill(lr=[1, 2]).wait(progress=False)
    with pytest.raises(ParameterError, match="lr"):
        train.backfill(lr=0.5)
    assert list(ws.partition_sets["train"]) == ["lr=1", "lr=2"]


def test_without_a_default_the_first_value_decides_the_type(ws: nbpart.Workspace, project: Path) -> None:
    train = register(ws, project, "lr = make()\nday = make()")
    train.backfill(lr=[np.float64(0.5)], day=pd.Timestamp("2024-01-02 03:04")).wait(progress=False)
    assert ws.partition_sets["train"].row("day=2024-01-02T03:04:00,lr=0.5") == {
        "day": datetime.datetime(2024, 1, 2, 3, 4),
        "lr": 0.5,
    }


class Opt(str, enum.Enum):  # noqa: UP042 - str() of it is not its text
    ADAM = "adam"


class Level(enum.IntEnum):
    LOW = 1


class Day(datetime.date):
    pass


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (Opt.ADAM, "adam"),
        (Level.LOW, 1),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.datetime64("2024-01-02T03:04:05.000000000"), datetime.datetime(2024, 1, 2, 3, 4, 5)),
        (pd.Timestamp("2024-01-02"), datetime.datetime(2024, 1, 2)),
        (pd.Timestamp("2024-01-02", tz="UTC"), datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)),
        (Day(2024, 1, 2), datetime.date(2024, 1, 2)),
        ([np.int64(1), Opt.ADAM, (1, 2)], [1, "adam", [1, 2]]),
        ({"a": {Level.LOW: Day(2024, 1, 2)}}, {"a": {1: datetime.date(2024, 1, 2)}}),
        (2**70, 2**70),
        (float("inf"), float("inf")),
    ],
    ids=repr,
)
def test_a_setting_arrives_as_an_equal_builtin_value(
    ws: nbpart.Workspace, project: Path, stage: Stage, given: Any, plain: Any
) -> None:
    register(ws, project, "x = 1")
    backfill = ws.backfill("train", settings={"x": given}).wait(progress=False)
    [spec] = stage.started
    assert spec.settings == {"x": plain}
    assert repr(spec.injected["x"]) == repr(plain)
    [run_id] = backfill.steps()["run_id"]
    assert repr(ws.get_run(run_id).settings["x"]) == repr(plain)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (pd.NaT, "it is not a time: pass None"),
        (pd.Timestamp(1), "it is finer than a microsecond: round it"),
        (pd.NA, "it is of type NAType"),
        (np.zeros(2), "it is of type ndarray"),
        ({1, 2}, "it is of type set"),
        ([1, {"a": object()}], "item 1: item 'a': it is of type object"),
        (enum.Enum("Color", "RED").RED, "it is of type Color"),  # type: ignore[attr-defined]
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_setting_that_cannot_be_sent_to_a_run_is_refused_by_name(
    ws: nbpart.Workspace, project: Path, given: Any, why: str
) -> None:
    register(ws, project, "x = 1")
    with pytest.raises(ParameterError, match=rf"^the setting 'x' cannot be handed to a run; {why}"):
        ws.backfill("train", settings={"x": given})
    assert len(ws.backfills) == 0


def test_a_list_that_holds_itself_is_refused_by_name(ws: nbpart.Workspace, project: Path) -> None:
    register(ws, project, "x = 1")
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(ParameterError, match=r"^the setting 'x' cannot be handed to a run; it holds itself"):
        ws.backfill("train", settings={"x": ring})


def test_a_second_parameters_cell_must_not_override_given_values(ws: nbpart.Workspace, project: Path) -> None:
    import nbformat

    tag = {"tags": ["parameters"]}
    cells = [nbformat.v4.new_code_cell(source, metadata=tag) for source in ("x = 1", "y = 2\nx = 3")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "two.ipynb")
    with pytest.raises(DeclarationError, match=r"cells 1 and 2 of .*two\.ipynb are both tagged .* assigns 'x' again"):
        ws.notebook("two.ipynb")


def test_options_of_a_backfill_are_no_parameters(ws: nbpart.Workspace, project: Path, stage: Stage) -> None:
    write_notebook(project / "train.ipynb", "lr", parameters="lr = 0.1\npolicy = 'a'")
    train = ws.notebook("train.ipynb")
    backfill = train.backfill(lr=[0.1, 0.2], policy=["b"], keep_failed_kernels=1, stop_after=3).wait(progress=False)
    assert sorted(backfill.steps()["partition_key"]) == ["lr=0.1,policy=b", "lr=0.2,policy=b"], "a parameter is its own"
    options = ws.project.catalog.read(lambda batch: queries.find_backfill(batch, backfill.id))
    assert options is not None
    assert (options.options["keep_failed_kernels"], options.options["stop_after"]) == (1, 3)
    with pytest.raises(DeclarationError, match="stop_after"):
        train.backfill(lr=0.1, stop_after=0)
