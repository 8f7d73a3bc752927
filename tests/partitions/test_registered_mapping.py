from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nbpart.partitions import MappingKind, default_mapping_kind

set_names = st.text(min_size=1)


@given(set_names)
def test_the_same_set_maps_key_to_key(name: str) -> None:
    assert default_mapping_kind(name, name) is MappingKind.SAME


@given(st.text())
def test_an_input_without_partitions_is_whole(downstream: str) -> None:
    assert default_mapping_kind(downstream, "") is MappingKind.WHOLE


@given(set_names)
def test_an_asset_without_partitions_reads_all(upstream: str) -> None:
    assert default_mapping_kind("", upstream) is MappingKind.ALL


def test_another_set_means_all_its_keys() -> None:
    for downstream, upstream in itertools.permutations(["a", "b", "static-1"], 2):
        assert default_mapping_kind(downstream, upstream) is MappingKind.ALL


def test_names_in_the_catalog() -> None:
    assert list(MappingKind) == ["same", "whole", "all"]
