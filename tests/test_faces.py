"""What a user calls declares every option by name, and with the default of what it hands on to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import nbpart
from nbpart.automation import declare_sensor
from nbpart.backfill.options import OPTIONS
from nbpart.project.backfills import AS_BEFORE
from nbpart.trials import Board
from nbpart.widgets.explorer import Explorer
from nbpart.widgets.graph import AssetGraph
from nbpart.widgets.heatmap import PartitionHeatmap
from nbpart.workspace import Backfill, Backfills, PartitionSet, Plan, Run, Workspace
from nbpart.workspace.bound import BoundAsset
from nbpart.workspace.inert import InertPartitions, InertWorkspace

Face = Callable[..., Any]
#: What a face offers -> what it hands on to.
SAME: dict[str, tuple[Face, Face]] = {
    "ws.asset": (Workspace.asset, nbpart.asset),
    "ws.notebook": (Workspace.notebook, nbpart.notebook),
    "ws.source": (Workspace.source, nbpart.source),
    "ws.sensor": (Workspace.sensor, nbpart.sensor),
    "ws.schedule": (Workspace.schedule, nbpart.schedule),
    "nbpart.sensor": (nbpart.sensor, declare_sensor),
    "ws.backfill": (Workspace.backfill, Plan.run),
    "board.backfill": (Board.backfill, Plan.run),
    "ws.tick": (Workspace.tick, Plan.run),
    "ws.graph": (Workspace.graph, AssetGraph),
    "ws.heatmap": (Workspace.heatmap, PartitionHeatmap),
    "ws.explore": (Workspace.explore, Explorer),
    "asset.materialize": (BoundAsset.materialize, Workspace.materialize),
    "asset.load": (BoundAsset.load, Workspace.load),
    "inert asset": (InertWorkspace.asset, Workspace.asset),
    "inert notebook": (InertWorkspace.notebook, Workspace.notebook),
    "inert sensor": (InertWorkspace.sensor, Workspace.sensor),
    "inert schedule": (InertWorkspace.schedule, Workspace.schedule),
    "inert source": (InertWorkspace.source, Workspace.source),
    "inert dynamic_partitions": (InertWorkspace.dynamic_partitions, Workspace.dynamic_partitions),
    "inert add_rows": (InertPartitions.add_rows, PartitionSet.add_rows),
    "inert add_sample": (InertPartitions.add_sample, PartitionSet.add_sample),
    "inert remove": (InertPartitions.remove, PartitionSet.remove),
    "inert replace": (InertPartitions.replace, PartitionSet.replace),
}
#: Options of a face beside those that it hands on.
OWN = {"ws.tick": {"wait", "progress", "here"}, "ws.heatmap": {"where"}}
#: What is no person's to give.
INNER = {"interrupt_dead_runs", "choose", "explain"}
#: Names that a user makes up: parameters of partitions and values of them, columns that are compared.
NAMES_OF_USERS = {"params", "axes", "matches"}


def options_of(face: Face) -> dict[str, Any]:
    """The arguments that can only be given by name, with their defaults."""
    parameters = inspect.signature(face).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in INNER}


def faces() -> Iterator[tuple[str, Face]]:
    """All that a user can call: public functions and public methods of public classes."""
    for name in nbpart.__all__:
        value = getattr(nbpart, name)
        if inspect.isfunction(value):
            yield name, value
    for kind in (Workspace, InertWorkspace, BoundAsset, Backfill, Backfills, PartitionSet, Plan, Run, Board):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                yield f"{kind.__name__}.{name}", method


@pytest.mark.parametrize("name", SAME)
def test_a_face_has_the_options_of_what_it_hands_on_to(name: str) -> None:
    face, to = SAME[name]
    offered = {option: default for option, default in options_of(face).items() if option not in OWN.get(name, ())}
    assert offered == options_of(to)
    assert offered, "nothing was compared"


@pytest.mark.parametrize("face", [Backfill.resume, Backfill.retry_failed])
def test_an_option_that_is_not_given_again_is_as_before(face: Face) -> None:
    assert options_of(face) == dict.fromkeys(OPTIONS, AS_BEFORE)
    assert repr(AS_BEFORE) == "as before"


def test_a_plan_offers_every_option_of_a_backfill() -> None:
    assert set(options_of(Plan.run)) == {*OPTIONS, "detach"}


def test_no_face_hides_its_options() -> None:
    found = list(faces())
    hidden = {
        name: p.name
        for name, face in found
        for p in inspect.signature(face).parameters.values()
        if p.kind is p.VAR_KEYWORD and p.name not in NAMES_OF_USERS
    }
    assert not hidden
    assert len(found) > 60
