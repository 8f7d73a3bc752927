from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nbpart.partitions import Mapping, default_mapping

set_names = st.text(min_size=1)


@given(set_names)
def test_the_same_set_maps_key_to_key(name: str) -> None:
    assert default_mapping(name, name) is Mapping.SAME


@given(st.text())
def test_an_input_without_partitions_is_whole(downstream: str) -> None:
    assert default_mapping(downstream, "") is Mapping.WHOLE


@given(set_names)
def test_an_asset_without_partitions_reads_all(upstream: str) -> None:
    assert default_mapping("", upstream) is Mapping.ALL


def test_another_set_means_all_its_keys() -> None:
    for downstream, upstream in itertools.permutations(["a", "b", "static-1"], 2):
        assert default_mapping(downstream, upstream) is Mapping.ALL


def test_names_in_the_catalog() -> None:
    assert list(Mapping) == ["same", "whole", "all"]
