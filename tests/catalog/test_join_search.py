"""Searching for the few keys that are related to a few, judged by the relation of all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbpart.catalog import Batch
from nbpart.catalog.join_search import find_inputs, find_readers
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.joins import relate
from nbpart.catalog.queries.cells import member_ids
from nbpart.partitions.mapping_check import check_mapping
from tests.catalog.test_joins import CASES
from tests.catalog.test_joins import world as world
from tests.catalog.worlds import World


@given(case=st.sampled_from(CASES), draws=st.tuples(*[st.sets(st.floats(0, 0.999), max_size=4)] * 2))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_search_finds_what_the_relation_of_all_keys_says(world: World, case: Any, draws: Any) -> None:
    mapping, reader, source = case
    mapping = check_mapping(mapping, reader, source)

    def work(batch: Batch) -> None:
        join = open_join(batch, mapping, world.ids[reader.set_name], world.ids[source.set_name])
        readers, inputs = member_ids(batch, join.reader_id), member_ids(batch, join.source_id)
        relation = relate(batch, join, readers, inputs)
        some, given_inputs = choose(draws[0], len(readers)), choose(draws[1], len(inputs))

        found = find_inputs(batch, join, readers[some])
        assert set(inputs[relation.mark_inputs(mask(some, len(readers)), len(inputs))]) <= set(found.tolist())
        few = relate(batch, join, readers[some], found)
        for place, of_all in enumerate(some.tolist()):
            assert found[few.inputs_of(place)].tolist() == inputs[relation.inputs_of(of_all)].tolist()

        back = find_readers(batch, join, inputs[given_inputs])
        marked = set(readers[relation.mark_readers(mask(given_inputs, len(inputs)))].tolist())
        assert marked <= set(back.tolist())
        mine = relate(batch, join, back, inputs[given_inputs])
        assert set(back[mine.mark_readers(np.ones(len(given_inputs), bool))].tolist()) == marked

    world.catalog.read(work)


def choose(fractions: set[float], count: int) -> Any:
    """Some places of so many."""
    return np.array(sorted({int(one * count) for one in fractions}), np.int64)


def mask(places: Any, count: int) -> Any:
    marked = np.zeros(count, bool)
    marked[places] = True
    return marked


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].kind}-{case[1].set_name}-{case[2].set_name}")
def test_a_search_for_nothing_finds_no_reader(world: World, case: Any) -> None:
    mapping, reader, source = case
    mapping = check_mapping(mapping, reader, source)

    def work(batch: Batch) -> Any:
        join = open_join(batch, mapping, world.ids[reader.set_name], world.ids[source.set_name])
        return find_readers(batch, join, np.empty(0, np.int64))

    assert len(world.catalog.read(work)) == 0
