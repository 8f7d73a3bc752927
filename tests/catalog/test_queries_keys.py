from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.partitions import DynamicPartitions
from tests.catalog.story import Story

KEYS = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20), unique=True)


def test_sets_and_members_in_their_order(catalog: Catalog, story: Story) -> None:
    story.add("b", "a", "it's")
    story.remove("a")
    story.add("a")

    def read(batch: Batch) -> pd.DataFrame:
        found = queries.find_set(batch, "files")
        assert found is not None
        assert (found.set_id, found.kind) == (story.files, "dynamic")
        assert [s.name for s in queries.load_sets(batch)] == ["", "files"]
        assert queries.find_set(batch, "nothing") is None
        assert queries.find_set(batch, "") is None
        assert queries.count_members(batch, story.files) == 3
        assert queries.load_members(batch, story.files) == ["b", "it's", "a"]
        assert queries.load_members(batch, story.files, 1, 1) == ["it's"]
        assert queries.set_version(batch, story.files) == found.version == batch.sequence
        return queries.load_members(batch, story.files)

    assert catalog.read(read) == ["b", "it's", "a"]


@settings(max_examples=25, deadline=None)
@given(keys=KEYS, others=KEYS)
def test_ids_and_texts_are_opposites(shared_catalog: Catalog, keys: list[str], others: list[str]) -> None:
    def work(batch: Batch) -> None:
        set_id = events.ensure_set(batch, DynamicPartitions(f"set {batch.sequence}"))
        events.add_keys(batch, set_id, keys)
        ids = queries.key_ids(batch, set_id, [*keys, *others])
        assert ids.dtype == np.int64
        assert (ids >= 0).tolist() == [True] * len(keys) + [key in keys for key in others]
        assert queries.contains(batch, set_id, others) == [key in keys for key in others]
        assert queries.key_texts(batch, ids[: len(keys)]).tolist() == keys

    shared_catalog.write(work)


def test_the_unpartitioned_key_is_none(catalog: Catalog) -> None:
    def read(batch: Batch) -> None:
        assert queries.key_ids(batch, 0, [None]).tolist() == [0]
        assert queries.key_texts(batch, [0]).tolist() == [None]
        assert queries.key_texts(batch, []).tolist() == []
        assert queries.key_ids(batch, 0, []).tolist() == []

    catalog.read(read)


@settings(max_examples=25, deadline=None)
@given(keys=KEYS)
def test_hashes_of_members_are_those_of_their_keys(shared_catalog: Catalog, keys: list[str]) -> None:
    def work(batch: Batch) -> list[int]:
        set_id = events.ensure_set(batch, DynamicPartitions("hashed"))
        events.remove_keys(batch, set_id, queries.load_members(batch, set_id))
        events.add_keys(batch, set_id, keys)
        found: list[int] = queries.member_hashes(batch, set_id).tolist()
        return found

    assert shared_catalog.write(work) == sorted(map(queries.hash_key, keys))
