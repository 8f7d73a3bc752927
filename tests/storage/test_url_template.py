"""The path or URL of a source: filled, split again, and what is refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart import DeclarationError, PartitionKeyError
from nbpart.storage.url_template import WILDCARD, UrlTemplate, find_shared_location, match_location, show_location

NEW_YORK = ZoneInfo("America/New_York")


def fill(text: str, **values: object) -> str:
    return UrlTemplate.parse(text).below("/ws").fill(values)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("inbox/{partition_key}", {"partition_key": "a.csv"}, "/ws/inbox/a.csv"),
        ("inbox/{partition_key}", {"partition_key": "sub/a.csv"}, "/ws/inbox/sub/a.csv"),
        ("inbox/{partition_key}", {"partition_key": "{partition_key}"}, "/ws/inbox/{partition_key}"),
        ("{partition_key}.csv", {"partition_key": "a"}, "/ws/a.csv"),
        ("./{partition_key}.csv", {"partition_key": "a"}, "/ws/a.csv"),
        ("/abs/{partition_key}/x", {"partition_key": "a"}, "/abs/a/x"),
        ("../{partition_key}", {"partition_key": "a"}, "/a"),
        ("/{partition_key}", {"partition_key": "a"}, "/a"),
        ("file:///abs/{partition_key}", {"partition_key": "a"}, "/abs/a"),
        ("d/{{x}}/{lr}-{on}", {"lr": 0.1, "on": True}, "/ws/d/{x}/0.1-true"),
        ("{day}.csv", {"day": datetime.date(2024, 5, 1)}, "/ws/2024-05-01.csv"),
        ("{n:03d}.csv", {"n": 7}, "/ws/007.csv"),
        ("whole.csv", {}, "/ws/whole.csv"),
        ("folder/../whole.csv", {}, "/ws/whole.csv"),
        ("s3://bucket/in/{partition_key}", {"partition_key": "a b.csv"}, "s3://bucket/in/a b.csv"),
        ("s3://bucket/{partition_key}", {"partition_key": "100%#?.csv"}, "s3://bucket/100%#?.csv"),
        ("https://host/{partition_key}", {"partition_key": "100%#?.csv"}, "https://host/100%25%23%3F.csv"),
        ("https://host/x.csv?a=1*", {}, f"https://host/x.csv?a=1{WILDCARD}"),
        ("in/{partition_key}_L*_R1.gz", {"partition_key": "s*[1]"}, f"/ws/in/s*[1]_L{WILDCARD}_R1.gz"),
        ("*/{partition_key}", {"partition_key": "a"}, f"/ws/{WILDCARD}/a"),
        ("a/*/../{partition_key}", {"partition_key": "a"}, "/ws/a/a"),
    ],
)
def test_filling(text: str, values: dict[str, object], expected: str) -> None:
    assert fill(text, **values) == expected


def test_the_second_of_two_equal_hours_has_a_path_of_its_own_by_its_offset() -> None:
    hours = [datetime.datetime(2013, 11, 3, 1, tzinfo=NEW_YORK, fold=fold) for fold in (0, 1)]
    [first, second] = [fill("s3://b/{window_start:%Y/%m/%d/%H%z}/*.gz", window_start=hour) for hour in hours]
    assert show_location(first) == "s3://b/2013/11/03/01-0400/*.gz"
    assert show_location(second) == "s3://b/2013/11/03/01-0500/*.gz"
    same = {str(hour.fold): fill("s3://b/{window_start:%Y/%m/%d/%H}", window_start=hour) for hour in hours}
    assert find_shared_location(same) == ("0", "1", "s3://b/2013/11/03/01")


@pytest.mark.parametrize("key", ["..", ".", "../x", "a/../../x", "../inbox-2/x", "../inbox"])
@pytest.mark.parametrize(
    "text", ["inbox/{partition_key}", "s3://bucket/inbox/{partition_key}", "inbox/*/{partition_key}/../.."]
)
def test_a_key_leads_nowhere_out_of_its_folder(text: str, key: str) -> None:
    with pytest.raises(PartitionKeyError, match="leads out of the folder"):
        fill(text, partition_key=key)


def test_no_bucket_is_left() -> None:
    for key in ("../other/x", "../../x"):
        with pytest.raises(PartitionKeyError, match="leads out"):
            fill("s3://bucket/{partition_key}", partition_key=key)


@given(st.text(min_size=1))
def test_every_key_stays_in_its_folder(key: str) -> None:
    try:
        path = fill("inbox/{partition_key}", partition_key=key)
    except PartitionKeyError:
        return
    assert path.startswith("/ws/inbox/")
    assert ".." not in path.split("/")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inbox/{partitionkey}", "which is no column of its partitions: did you mean 'partition_key'"),
        ("inbox/{partition_key", "has a lone brace"),
        ("inbox/{partition_key.__class__}", "give the name of a column"),
        ("inbox/{}", "give the name of a column"),
        ("inbox/{0}", "give the name of a column"),
        ("inbox/**/{partition_key}", r"has '\*\*'; one \* stands for part of one name"),
        ("inbox/{partition_key:>10}", "has the format '>10'; give one of times"),
        ("inbox/{partition_key:03d}", "formats 'partition_key' by '03d', which does not fit its value 'a'"),
        ("", "is no path"),
        ("a\0b", "is no path"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        fill(text, partition_key="a")


def test_one_split_for_two_names_with_a_separator_that_both_may_hold() -> None:
    template = UrlTemplate.parse("{sample}_{read}.fastq.gz").below("/ws")
    first = template.split("/ws/0053_P20_S2_R1.fastq.gz")
    assert first == {"sample": "0053_P20_S2", "read": "R1"}
    assert template.split("/ws/0053_P20_S2_R2.fastq.gz") == {**first, "read": "R2"}
    assert template.fill(first) == "/ws/0053_P20_S2_R1.fastq.gz"


@pytest.mark.parametrize(
    ("text", "location", "expected"),
    [
        ("in/{partition_key}.csv", "/ws/in/plate[A1].csv", {"partition_key": "plate[A1]"}),
        ("in/{partition_key}", "/ws/in/100%#?.csv", {"partition_key": "100%#?.csv"}),
        ("in/{partition_key}", "/ws/in/a/b", None),
        ("in/{partition_key}", "/ws/in/", None),
        ("in/{partition_key}", "/ws/in/..", None),
        ("in/{partition_key}.csv", "/ws/in/.x.csv", None),
        ("in/{partition_key}.csv", "/ws/in/.csv", None),
        ("in/{partition_key}/{name}", "/ws/in/.git/config", None),
        ("in/{partition_key}/{name}", "/ws/in/a/.DS_Store", None),
        ("in/.{partition_key}", "/ws/in/.x", {"partition_key": "x"}),  # it says so itself
        ("in/{partition_key}.{name}", "/ws/in/a..b", {"partition_key": "a.", "name": "b"}),
        ("in/{day}/{day}.csv", "/ws/in/a/a.csv", {"day": "a"}),
        ("in/{day}/{day}.csv", "/ws/in/a/b.csv", None),
        ("in/{n:03d}.csv", "/ws/in/007.csv", {"n": 7}),
        ("in/{n:03d}.csv", "/ws/in/7.csv", None),  # that file would be a second one of one key
        ("in/{n:03d}.csv", "/ws/in/1007.csv", {"n": 1007}),
        ("in/{k}_L*_R1.gz", "/ws/in/s1_L001_R1.gz", {"k": "s1"}),
        ("https://host/{k}", "https://host/100%25%23%3F.csv", {"k": "100%#?.csv"}),
        ("s3://b/{w:%Y/%m/%d}/x", "s3://b/2013/01/31/x", {"w": datetime.datetime(2013, 1, 31)}),
        ("s3://b/{w:%Y/%m/%d}/x", "s3://b/2013/01/32/x", None),
        ("s3://b/{w:%Y/%m/%d}/x", "s3://b/2013/1/31/x", None),
        ("s3://b/{w:%Y}/{w:%j}", "s3://b/2013/031", {"w": datetime.datetime(2013, 1, 31)}),
        ("s3://b/{w:%d %b %Y}", "s3://b/31 Jan 2013", {"w": datetime.datetime(2013, 1, 31)}),
        ("s3://b/{w:100%% %Y}", "s3://b/100% 2013", {"w": datetime.datetime(2013, 1, 1)}),
    ],
)
def test_splitting(text: str, location: str, expected: dict[str, object] | None) -> None:
    assert UrlTemplate.parse(text).below("/ws").split(location) == expected


def test_an_offset_is_split_back_into_an_aware_time() -> None:
    found = UrlTemplate.parse("s3://b/{w:%Y-%m-%dT%H%z}").split("s3://b/2013-11-03T01-0500")
    assert found == {"w": datetime.datetime(2013, 11, 3, 6, tzinfo=datetime.UTC)}


_NAMES = st.text(st.characters(exclude_characters="/\0\ufdd0", exclude_categories=["Cs"]), min_size=1)


@given(
    _NAMES, _NAMES, st.sampled_from(["{a}_{b}.csv", "{a}/{b}", "x{a}-*-{b}", "https://h/{a}/{b}.x", "s3://b/{a}~{b}"])
)
def test_what_is_split_is_what_the_path_was_made_of_or_makes_the_same_path(a: str, b: str, text: str) -> None:
    template = UrlTemplate.parse(text).below("/ws")
    try:
        location = template.fill({"a": a, "b": b})
    except PartitionKeyError:
        return
    found = template.split(location.replace(WILDCARD, "some"))
    if found is not None:
        assert match_location(template.fill(found), location.replace(WILDCARD, "some"))
    elif "/" in text.split("{a}")[1].split("{b}")[0]:
        assert a.startswith(".") or b.startswith(".")


def test_a_star_stands_for_part_of_one_name_and_every_other_character_for_itself() -> None:
    location = fill("in/{partition_key}.*", partition_key="plate[A1]*")
    assert match_location(location, "/ws/in/plate[A1]*.csv")
    assert not match_location(location, "/ws/in/plateA*.csv")
    assert not match_location(location, "/ws/in/plate[A1]x.csv")
    assert not match_location(location, "/ws/in/plate[A1]*.d/csv")


@pytest.mark.parametrize(
    "path",
    [
        "in/{partition_key}.csv",
        "{partition_key}",
        "a//b/{partition_key}",
        "in/.{partition_key}",
        "in/{partition_key}/x_*.csv",
        "s3://lake/in/{partition_key}",
        "http://h/{partition_key}",
        "x{partition_key}{partition_key}",
    ],
)
@pytest.mark.parametrize(
    "key", ["a", "a.b", ".", "..", "...", ".a", "a/b", "../a", "a/../../b", "", " ", "100%#?", "a\0b", "a\ufdd0"]
)
def test_a_key_alone_is_filled_as_with_its_columns(path: str, key: str) -> None:
    template = UrlTemplate.parse(path).below("/work")

    def attempt(fill: Callable[[], str]) -> object:
        try:
            return fill()
        except PartitionKeyError as error:
            return str(error)

    assert attempt(lambda: template.fill_key(key)) == attempt(lambda: template.fill({"partition_key": key}))
