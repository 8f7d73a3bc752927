from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.assets.graph import AssetGraph
from nbpart.backfill.plan import StepTable
from nbpart.backfill.plan import plan_steps as plan_with_waiting
from nbpart.catalog.records import PlanFacts
from nbpart.states import OUTDATED, STATUS_CODES, PartitionStatus
from tests.backfill.graphs import KEYS, above, define, graphs, lay_out, places

S = PartitionStatus
Statuses = Mapping[str, Mapping[int, PartitionStatus]]


def plan_steps(*args: Any, **more: Any) -> StepTable:
    return plan_with_waiting(*args, **more).steps


def make_facts(statuses: Statuses) -> dict[str, PlanFacts]:
    return {
        name: PlanFacts(
            np.array(list(by_key), dtype=np.int64),
            np.array([STATUS_CODES[status] for status in by_key.values()], dtype=np.uint8),
            np.zeros(len(by_key), dtype=np.uint8),
        )
        for name, by_key in statuses.items()
    }


def read_plan(steps: StepTable) -> dict[tuple[str, int], str]:
    """Cause of each step, in the plan's order."""
    causes = [a.causes[code] for a in steps.assets for code in a.cause.tolist()]
    return dict(zip(places(steps), causes, strict=True))


def plan_plainly(
    graph: AssetGraph,
    selected: Sequence[str],
    statuses: Statuses,
    keys: Mapping[str, Collection[int]],
    wanted: Collection[PartitionStatus],
) -> dict[tuple[str, int], str]:
    """What `plan_steps` promises, one partition at a time."""
    planned: dict[tuple[str, int], str] = {}
    for name in selected:
        steps = {}
        for key_id, status in statuses[name].items():
            if key_id not in keys.get(name, statuses[name]):
                continue
            if status in wanted or (wanted == OUTDATED and status in (S.QUEUED, S.RUNNING)):
                steps[name, key_id] = str(status)
            elif wanted == OUTDATED and (read := next(above(graph[name], key_id, list(planned)), None)):
                steps[name, key_id] = f"reads {read[0]}, which this plan makes"
        planned |= steps
    return planned


@settings(max_examples=300)
@given(st.data())
def test_a_plan_equals_that_of_a_model_of_dicts(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    a_status = st.sampled_from([S.MATERIALIZED, S.MATERIALIZED, *S])
    statuses = {
        d.name: {key_id: data.draw(a_status) for key_id in data.draw(st.permutations(KEYS[d.set_name]))}
        for d in graph.definitions
    }
    selected = [name for name in graph if data.draw(st.sampled_from([True, True, False]))]
    keys = {
        name: data.draw(st.lists(st.sampled_from([*by_key, 99])))
        for name, by_key in statuses.items()
        if data.draw(st.sampled_from([False, False, True]))
    }
    wanted = data.draw(st.sampled_from([OUTDATED, OUTDATED, OUTDATED, *[frozenset({s}) for s in S], frozenset(S)]))
    steps = plan_steps(
        graph,
        selected,
        make_facts(statuses),
        keys={name: np.array(ids, dtype=np.int64) for name, ids in keys.items()} if keys else None,
        statuses=wanted,
    )
    expected = plan_plainly(graph, selected, statuses, keys, wanted)
    assert list(read_plan(steps).items()) == list(expected.items())
    assert len(steps) == len(expected)
    assert all(len(a) for a in steps.assets), "an asset without steps is no part of a plan"


GRAPH = AssetGraph(
    [
        define("raw"),
        define("clean", same="raw"),
        define("model", "trials", every="clean"),
        define("report", "", every="model"),
    ]
)
ALL = ["raw", "clean", "model", "report"]


def up_to_date(**others: Mapping[int, PartitionStatus]) -> dict[str, PlanFacts]:
    """Facts of GRAPH where all is materialized but for ``others``."""
    return make_facts(
        {d.name: dict.fromkeys(KEYS[d.set_name], S.MATERIALIZED) | others.get(d.name, {}) for d in GRAPH.definitions}
    )


def test_nothing_is_planned_where_all_is_up_to_date() -> None:
    steps = plan_steps(GRAPH, ALL, up_to_date())
    assert (len(steps), steps.assets, steps.offsets) == (0, (), (0,))


def test_one_missing_key_takes_along_what_reads_it() -> None:
    planned = read_plan(plan_steps(GRAPH, ALL, up_to_date(raw={2: S.MISSING})))
    reads = "reads {}, which this plan makes".format
    assert planned == {
        ("raw", 2): "missing",
        ("clean", 2): reads("raw"),
        ("model", 11): reads("clean"),
        ("model", 12): reads("clean"),
        ("model", 13): reads("clean"),
        ("report", 0): reads("model"),
    }


def test_only_what_is_selected_is_planned() -> None:
    planned = read_plan(plan_steps(GRAPH, ["clean", "report"], up_to_date(raw={2: S.MISSING}, clean={3: S.FAILED})))
    assert planned == {("clean", 3): "failed"}


def test_what_another_backfill_runs_is_planned_to_be_followed() -> None:
    planned = read_plan(
        plan_steps(GRAPH, ["raw", "clean"], up_to_date(raw={1: S.RUNNING, 2: S.QUEUED}, clean={1: S.STALE}))
    )
    assert planned == {
        ("raw", 1): "running",
        ("raw", 2): "queued",
        ("clean", 1): "stale",
        ("clean", 2): "reads raw, which this plan makes",
    }


def test_keys_restrict_only_the_assets_that_have_them() -> None:
    facts = up_to_date(raw={1: S.MISSING, 2: S.MISSING}, clean={2: S.FAILED})
    only = np.array([1], dtype=np.int64)
    planned = read_plan(plan_steps(GRAPH, ALL, facts, keys={"raw": only, "clean": only}))
    assert set(planned) == {("raw", 1), ("clean", 1), ("model", 11), ("model", 12), ("model", 13), ("report", 0)}


@pytest.mark.parametrize("status", list(S))
def test_a_chosen_status_takes_nothing_else_along(status: PartitionStatus) -> None:
    facts = up_to_date(raw=dict(enumerate((S.MISSING, S.STALE, S.FAILED, S.QUEUED, S.RUNNING), 1)))
    planned = read_plan(plan_steps(GRAPH, ["raw", "clean"], facts, statuses=[status]))
    assert set(planned.values()) <= {str(status)}
    assert len(planned) == (5 if status is S.MATERIALIZED else 1)


def test_all_statuses_plan_everything() -> None:
    steps = plan_steps(GRAPH, ALL, up_to_date(raw={1: S.FAILED}), statuses=frozenset(S))
    assert len(steps) == 5 + 5 + 3 + 1
    assert steps.offsets == (0, 5, 10, 13, 14)


def test_an_asset_without_keys_has_no_steps() -> None:
    assert len(plan_steps(GRAPH, ["raw"], make_facts({"raw": {}}))) == 0


def test_steps_of_a_table_are_numbered_over_all_assets() -> None:
    steps = lay_out(raw=[4, 2], clean=[], report=[0])
    assert len(steps) == 3
    assert [(a.asset, first, last) for a, first, last in steps.ranges()] == [
        ("raw", 0, 2),
        ("clean", 2, 2),
        ("report", 2, 3),
    ]
    assert all(type(n) is int for n in steps.offsets)


def test_a_million_steps_stay_in_arrays() -> None:
    keys = np.random.default_rng(0).permutation(250_000)
    names = ["a", "b", "c", "d"]
    graph = AssetGraph([define("a"), *(define(name, same=read) for read, name in itertools.pairwise(names))])
    missing, made = (np.full(len(keys), STATUS_CODES[s], dtype=np.uint8) for s in (S.MISSING, S.MATERIALIZED))
    facts = {name: PlanFacts(keys, missing if name == "a" else made, made) for name in names}
    tracemalloc.start()
    steps = plan_steps(graph, names, facts)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(steps) == 1_000_000
    assert kept < 16 * len(steps)
    assert peak < 64 * len(steps)
