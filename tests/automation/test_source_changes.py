"""What a look at a watched source decides: pure, with the time given."""

from __future__ import annotations

import pytest

from nbpart.automation.source_changes import (
    LeftOut,
    SeenStamp,
    WatchState,
    explain_guard,
    find_duplicates,
    name_some,
    settle,
)
from nbpart.storage.source_files import FoundFile

S = 1_000_000_000
NOW = 1_000 * S


def local(changed_s: float, size: int = 1) -> FoundFile:
    return FoundFile("/in/a", size, "p", None, str(round(changed_s * S)), round(changed_s * S))


def remote(modified: str | None, size: int = 1) -> FoundFile:
    return FoundFile("s3://lake/a", size, "p", "e", modified)


@pytest.mark.parametrize(
    ("age_s", "is_still", "again_s"), [(0, False, 5), (4.5, False, 0.5), (5, True, None), (900, True, None)]
)
def test_a_file_that_says_when_it_was_written_needs_one_look(age_s: float, is_still: bool, again_s: float) -> None:
    found = settle({"a": [local(1_000 - age_s)]}, {}, NOW, 5 * S)
    assert found.still == ({"a"} if is_still else set())
    assert found.unsettled == (() if is_still else ("a",))
    assert found.again_ns == (None if again_s is None else again_s * S)
    assert found.waiting == {}


def test_of_several_files_the_last_that_was_written_counts() -> None:
    assert settle({"a": [local(1), local(999)]}, {}, NOW, 5 * S).still == set()
    assert settle({"a": [local(1), local(2)]}, {}, NOW, 5 * S).still == {"a"}


@pytest.mark.parametrize("file", [remote(None), local(2_000)], ids=["no time", "a time to come"])
def test_what_cannot_be_told_by_its_time_is_still_when_two_looks_find_it_alike(file: FoundFile) -> None:
    first = settle({"a": [file]}, {}, NOW, 5 * S)
    assert (first.still, first.again_ns) == (set(), 5 * S)
    second = settle({"a": [file]}, first.waiting, NOW + 3 * S, 5 * S)
    assert (second.still, second.again_ns, second.waiting) == (set(), 2 * S, first.waiting)
    third = settle({"a": [file]}, second.waiting, NOW + 5 * S, 5 * S)
    assert (third.still, third.waiting) == ({"a"}, {})
    grown = settle({"a": [file._replace(size=2)]}, second.waiting, NOW + 5 * S, 5 * S)
    assert (grown.still, grown.again_ns) == (set(), 5 * S)


def test_a_clock_that_was_set_back_begins_anew() -> None:
    first = settle({"a": [remote(None)]}, {}, NOW, 5 * S)
    back = settle({"a": [remote(None)]}, first.waiting, NOW - 500 * S, 5 * S)
    assert back.waiting["a"].since_ns == NOW - 500 * S
    assert settle({"a": [remote(None)]}, back.waiting, NOW - 495 * S, 5 * S).still == {"a"}


def test_a_file_that_vanished_is_not_remembered() -> None:
    first = settle({"a": [remote(None)], "b": [remote(None)]}, {}, NOW, 5 * S)
    assert set(settle({"b": [remote(None)]}, first.waiting, NOW + S, 5 * S).waiting) == {"b"}


@pytest.mark.parametrize("text", ["1970-01-01T00:16:39+00:00", "999.0", "999"])
def test_the_times_of_stores_are_read(text: str) -> None:
    assert settle({"a": [remote(text)]}, {}, NOW, 1 * S).still == {"a"}
    assert settle({"a": [remote(text)]}, {}, NOW, 2 * S).unsettled == ("a",)


def test_without_settling_everything_is_still() -> None:
    files = {"a": [local(1_000)], "b": [local(5_000)], "c": [remote(None)], "d": [remote("yesterday")]}
    assert settle(files, {}, NOW, 0).still == set(files)


def test_of_files_alike_the_first_is_no_duplicate() -> None:
    versions = [("b", "1"), ("c", "2"), ("d", "2"), ("e", "3")]
    assert find_duplicates({"1": "a"}, versions) == {"b": "a", "d": "c"}


@pytest.mark.parametrize(
    ("known", "gone", "is_guarded"),
    [(1, 0, False), (1, 1, True), (3, 3, True), (50, 9, False), (50, 10, True), (100, 10, True), (101, 10, False)],
)
def test_a_tenth_and_at_least_ten_or_all_are_too_many(known: int, gone: int, is_guarded: bool) -> None:
    assert bool(explain_guard(known, gone, is_there=True, is_whole=True)) == is_guarded


def test_a_listing_that_failed_or_found_no_folder_takes_nothing() -> None:
    assert explain_guard(100, 1, is_there=False, is_whole=True) == "the folder is not there"
    assert explain_guard(100, 1, is_there=True, is_whole=False) == "part of the listing failed"


def test_a_state_is_read_as_it_was_written() -> None:
    state = WatchState(7, -1, {"/in/ü\n": SeenStamp("1-2", 3)}, {"/in/b": LeftOut("p", "v")}, {None: True, "a": False})
    again = WatchState.from_text(state.to_text(9))
    assert (again.after, again.own) == (7, 9)
    assert again.holds_as_much_as(state)


@pytest.mark.parametrize("text", [None, "", "7", "[]", "{}", '{"after": 1}', '{"waiting": [1]}', "\x00"])
def test_of_a_text_that_is_no_state_nothing_is_known(text: str | None) -> None:
    assert WatchState.from_text(text) == WatchState()


def test_some_names_stand_for_all() -> None:
    assert name_some("ab") == "'a', 'b'"
    assert name_some("abcdefg") == "'a', 'b', 'c', 'd', 'e' and 2 more"
