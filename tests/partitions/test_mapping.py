"""The records of mappings: how they are made, refused, stored and called."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from nbpart.errors import DeclarationError
from nbpart.partitions.mapping import (
    MAX_PAIRS,
    AllKeys,
    By,
    Last,
    Mapping,
    Match,
    Only,
    Overlap,
    Pairs,
    Previous,
    Where,
    all_keys,
    by,
    last,
    mapping_from_json,
    only,
    overlap,
    pairs,
    previous,
    same,
    sort_pairs,
    where,
    whole,
)

MAPPINGS: list[tuple[Mapping, str]] = [
    (same(), "same key"),
    (whole(), "whole"),
    (all_keys(), "all keys"),
    (all_keys(new="ignore"), "all keys, new ones ignored"),
    (overlap(), "overlap"),
    (overlap(start=-6), "overlap -6 to +0"),
    (overlap(-14, -8, outside="block"), "overlap -14 to -8, all of them"),
    (overlap(0, 1), "overlap +0 to +1"),
    (overlap(outside="clip"), "overlap, clipped"),
    (previous(), "previous"),
    (previous(7, outside="block"), "previous 7, all of them"),
    (last(), "last"),
    (last(1_000), "last 1,000"),
    (by("origin"), "by origin"),
    (by(), "by what both have"),
    (by("origin", day=overlap(-1, -1)), "by day: overlap -1 to -1, origin"),
    (by(batch="partition_key"), "by batch = partition_key"),
    (by(weekly=("daily", overlap())), "by weekly = daily: overlap"),
    (by(abc=("n", pairs({"upstream": ["a"], "this": ["1"]}))), "by abc = n: 1 pair"),
    (only("a", "b"), "only a, b"),
    (only(*"abcde"), "only a, b, c and 2 more"),
    (pairs({"upstream": ["a", "b"], "this": ["x", "x"]}), "2 pairs"),
    (where("upstream.fold <> this.fold"), "where upstream.fold <> this.fold"),
    (where("upstream.n = 1\n  and this.n = 2"), "where upstream.n = 1 and this.n = 2"),
]


@pytest.mark.parametrize(("mapping", "label"), MAPPINGS, ids=[label for _, label in MAPPINGS])
def test_a_mapping_is_stored_and_called_by_its_name(mapping: Mapping, label: str) -> None:
    stored = json.loads(json.dumps(mapping.to_json()))
    assert mapping_from_json(stored) == mapping
    assert mapping_from_json(stored).to_json() == mapping.to_json()
    assert mapping.describe() == label
    assert len({one for one, _ in MAPPINGS if one == mapping}) == 1


def test_what_is_stored() -> None:
    assert overlap(start=-6).to_json() == {"kind": "overlap", "start": -6}
    assert same().to_json() == {"kind": "same"}
    assert by("a", b=("c", previous(2))).to_json() == {
        "kind": "by",
        "matches": [["a", "a"], ["b", "c", {"kind": "previous", "n": 2}]],
    }
    with pytest.raises(ValueError, match="'other'"):
        mapping_from_json({"kind": "other"})


def test_the_asset_that_is_read_is_no_part_of_the_mapping() -> None:
    for make in (same, whole, all_keys, overlap, previous, last, by):
        named = make(of="clean")  # type: ignore[operator]
        assert named.of == "clean"
        assert named == make()  # type: ignore[operator]
        assert "of" not in named.to_json()
    assert only("a", of=SimpleNamespace(name="clean")).of == "clean"
    assert pairs({"upstream": [], "this": []}, of="clean").of == "clean"
    assert where("true", of="clean").of == "clean"


def test_what_is_made() -> None:
    assert overlap(-1) == Overlap(-1, 0)
    assert by("a", b="c", d=last(), e=("f", overlap())) == By(
        (Match("a", "a"), Match("b", "c"), Match("d", "d", Last()), Match("e", "f", Overlap()))
    )
    assert by(a=same()) == by("a")
    assert only(1, "b") == Only((1, "b"))
    frame = pd.DataFrame({"upstream": ["b", "a"], "this": ["x", "y"], "other": [1, 2]})
    assert pairs(frame) == Pairs(("b", "a"), ("x", "y"))
    assert all_keys() == AllKeys()
    assert previous(3) == Previous(3)
    assert where(" upstream.n = this.n\n") == Where("upstream.n = this.n")


def test_what_lies_outside_is_clipped_with_an_offset_and_waited_for_without() -> None:
    assert [overlap().clips, overlap(-1).clips, overlap(0, 1).clips, previous().clips] == [False, True, True, True]
    assert [overlap(outside="clip").clips, overlap(-1, outside="block").clips] == [True, False]
    assert not previous(outside="block").clips


def test_pairs_have_one_order() -> None:
    one = sort_pairs(["b", "a", "b", "a"], ["x", "y", "x", "x"])
    assert one == Pairs(("a", "b", "a"), ("x", "x", "y"))
    assert sort_pairs(reversed(one.upstream), reversed(one.this)) == one


class Long(list[str]):
    def __len__(self) -> int:
        return 4 * MAX_PAIRS


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: overlap(1, 0), "start is after the end"),
        (lambda: overlap(start=1), "start is after the end"),
        (lambda: overlap(0.5), "whole number"),  # type: ignore[arg-type]
        (lambda: overlap(True), "whole number"),
        (lambda: overlap(-1, outside="drop"), "'clip' or 'block'"),  # type: ignore[arg-type]
        (lambda: previous(0), "n is a whole number, 1 or more"),
        (lambda: previous(1_000_000), r"previous\(n=1,000,000\): .* at most 100,000"),
        (lambda: overlap(start=-1_000_000), r"overlap\(start=-1,000,000\): .* all_keys"),
        (lambda: previous(-1), "1 or more"),
        (lambda: last(0), "1 or more"),
        (lambda: last(True), "1 or more"),
        (lambda: all_keys(new="fresh"), "'stale' or 'ignore'"),  # type: ignore[arg-type]
        (lambda: only(), "all_keys"),
        (lambda: by("a", "a"), "'a' is named twice"),
        (lambda: by("a", a="b"), "'a' is named twice"),
        (lambda: by(overlap()), "give a mapping as by"),  # type: ignore[arg-type]
        (lambda: by(a=3), "name of my column"),  # type: ignore[arg-type]
        (lambda: by(a=("b", "c")), "name of my column"),  # type: ignore[arg-type]
        (lambda: by(a=by("b")), "cannot stand inside by"),
        (lambda: by(a=whole()), "cannot stand inside by"),
        (lambda: by(a=overlap(of="x")), "belongs to by itself"),
        (lambda: pairs(["a"]), "columns 'upstream' and 'this'"),
        (lambda: pairs({"upstream": ["a"]}), "columns 'upstream' and 'this'"),
        (lambda: pairs({"upstream": ["a"], "this": []}), "1 keys? in 'upstream' and 0"),
        (lambda: pairs({"upstream": Long(), "this": Long()}), "200,000,000 rows"),
        (lambda: by(a=where("upstream.a = this.a")), "where cannot stand inside by: .* in its condition"),
        (lambda: where(" "), "the text is empty; .* all_keys"),
        (lambda: where({"fold": 1}), "give a text .* 'upstream.fold <> this.fold'"),  # type: ignore[arg-type]
        (lambda: where("x" * 100_001), "at most 100,000 characters"),
        (lambda: where("upstream.n = '\0'"), "character that no text may have"),
        (lambda: same(of=3), "no asset"),  # type: ignore[arg-type]
    ],
)
def test_mappings_that_are_refused(make: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        make()
