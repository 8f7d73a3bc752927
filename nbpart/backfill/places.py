"""The places that the limits of a workspace leave: how many runs a backfill may claim now, among all that ask.

A place is taken up by a run that has not ended, so that none is lost with a process. Who got none waits in the catalog,
and a place that comes free is left to who waits longest: also a backfill that only now and then asks gets its turn.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from nbpart.backfill.capacity import Limit
from nbpart.backfill.registry import Registry, StepToClaim, group_by_asset
from nbpart.catalog import Batch, queries


@dataclass(frozen=True)
class Claimant:
    """A backfill that asks for places; one asset gets ``most_at_once`` at most: its workers have no use for more."""

    backfill_no: int
    most_at_once: int
    is_single_run: bool = False


def list_limits(registry: Registry, recorded: Mapping[str, int]) -> dict[str, Limit]:
    """The limits of the assets and those ``recorded`` in the workspace, by what they are shown as."""
    definitions = [node.definition for node in registry.nodes.values()]
    limits = {d.name: Limit(frozenset({d.name}), d.limit) for d in definitions if d.limit is not None}
    for name, most in recorded.items():
        members = frozenset(d.name for d in definitions if name in (d.name, *d.labels))
        tighter = min(most, limits[name].most) if name in limits else most
        limits[name] = Limit(members, tighter)
    return limits


def share_places(
    batch: Batch, registry: Registry, claimant: Claimant, steps: Sequence[StepToClaim]
) -> tuple[list[StepToClaim], list[StepToClaim]]:
    """Divide steps that a backfill wants to claim now into those that have a place and those that have none."""
    limits = list(list_limits(registry, queries.load_run_limits(batch)).values())
    placed: list[StepToClaim] = []
    held: list[StepToClaim] = []
    promised: Counter[str] = Counter()
    for asset, group in group_by_asset(steps).items():
        places = _count_places(batch, registry, limits, claimant, asset, promised)
        count = len(group) if places and claimant.is_single_run else int(min(places, len(group)))
        placed += group[:count]
        held += group[count:]
        promised[asset] = min(count, 1) if claimant.is_single_run else count
    return placed, held


def find_open(batch: Batch, registry: Registry, claimant: Claimant, assets: Collection[str]) -> list[str]:
    """Those of the assets that have a place for a run of this backfill now."""
    limits = list(list_limits(registry, queries.load_run_limits(batch)).values())
    return [asset for asset in assets if _count_places(batch, registry, limits, claimant, asset, {})]


def find_waiting(batch: Batch, registry: Registry, claimant: Claimant, held: Collection[str]) -> list[int]:
    """The ids of those ``held`` assets of which the backfill has no run either: the others go on when one ends."""
    ids = [registry[asset].asset_id for asset in held]
    running = {asset_id for asset_id, owner, _ in queries.load_active_runs(batch, ids) if owner == claimant.backfill_no}
    return [asset_id for asset_id in ids if asset_id not in running]


def _count_places(
    batch: Batch,
    registry: Registry,
    limits: Sequence[Limit],
    claimant: Claimant,
    asset: str,
    promised: Mapping[str, int],
) -> float:
    """How many runs of an asset the backfill may claim besides those that are ``promised``; infinite without limits."""
    limits = [limit for limit in limits if asset in limit.assets]
    if not limits:
        return math.inf
    names = {registry.nodes[name].asset_id: name for limit in limits for name in limit.assets}
    taken, own = Counter(promised), promised.get(asset, 0)
    for asset_id, backfill_no, runs in queries.load_active_runs(batch, list(names)):
        taken[names[asset_id]] += runs
        own += runs if (names[asset_id], backfill_no) == (asset, claimant.backfill_no) else 0
    for asset_id, backfill_no in queries.load_place_waits(batch):
        if (names.get(asset_id), backfill_no) == (asset, claimant.backfill_no):
            break
        if asset_id in names:
            taken[names[asset_id]] += 1  # the place is left to who came before
    left = [limit.most - sum(taken[name] for name in limit.assets) for limit in limits]
    return max(0, min(*left, (1 if claimant.is_single_run else claimant.most_at_once) - own))
