from __future__ import annotations

import re
from enum import Enum

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbpart.errors import PartitionKeyError
from nbpart.partitions.keys import MAX_KEY_LENGTH, check_key, escape, safe_name, shorten, unescape

showable = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
keys = st.text(showable, min_size=1, max_size=200)
path_like = st.text(st.sampled_from(list("abAB019._-~/\\=,+% é:con")), min_size=1, max_size=12)

UNSHOWABLE = ["\x00", "\n", "\t", "\x1f", "\x7f", "\x80", "\x9f", "\u2028", "\u2029", "\ud800", "\udfff"]


@given(keys)
def test_text_that_can_be_shown_is_a_key(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("bad", UNSHOWABLE, ids=ascii)
@pytest.mark.parametrize("template", ["{}", "a{}", "{}a", "a{}b"])
def test_a_character_that_cannot_be_shown_is_refused_and_named(bad: str, template: str) -> None:
    with pytest.raises(PartitionKeyError, match=re.escape(f"U+{ord(bad):04X}")):
        check_key(template.format(bad))


@pytest.mark.parametrize(
    "neighbour", [" ", "~", "\xa0", "\u2027", "\u202a", "\ud7ff", "\ue000", "\U0010ffff"], ids=ascii
)
def test_the_neighbours_of_what_is_refused_are_keys(neighbour: str) -> None:
    assert check_key(neighbour) == neighbour


def test_length_limits() -> None:
    assert check_key("é" * MAX_KEY_LENGTH)
    with pytest.raises(PartitionKeyError, match="1,001 characters"):
        check_key("x" * (MAX_KEY_LENGTH + 1))
    with pytest.raises(PartitionKeyError, match="empty"):
        check_key("")


@pytest.mark.parametrize("other", [None, 3, b"a", ["a"]], ids=repr)
def test_what_is_no_text_is_refused_with_its_type(other: object) -> None:
    with pytest.raises(PartitionKeyError, match=type(other).__name__):
        check_key(other)


def test_subclasses_of_str_become_str() -> None:
    class Colour(str, Enum):  # noqa: UP042 (its str() is not its text)
        RED = "red"

    for key in (Colour.RED, np.str_("red")):
        assert check_key(key) == "red"
        assert type(check_key(key)) is str


def assert_safe(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._=,+~-]{1,100}", name)
    assert not name.startswith((".", "_", "-", "~"))
    assert not name.endswith(".")
    assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)", name.split(".")[0], re.IGNORECASE)


@given(keys | path_like)
@example("../../etc/passwd")
@example("CON")
@example("nul.tar.gz")
@example("NUL.tar.gz")
@example("com¹.txt")
@example("CON .txt")
@example("😀")
@example("x" * 500)
@example("con." + "x" * 500)
@example("a" * 82 + "." * 30)
@example("a.")
@example("~" * 3)
def test_every_safe_name_is_safe(key: str) -> None:
    assert_safe(safe_name(key))


@given(st.lists(path_like | keys, unique=True, max_size=30))
def test_different_keys_have_names_that_differ_in_more_than_case(some: list[str]) -> None:
    assert len({safe_name(key).lower() for key in some}) == len(some)


@given(path_like)
def test_no_key_takes_the_name_of_another(key: str) -> None:
    name = safe_name(key)
    if name != key:
        assert safe_name(name) != name


@pytest.mark.parametrize("key", ["a", "a.csv", "2024-01-01", "depth=3,lr=0.01", "lr=1e-05", "console.log", "x" * 100])
def test_a_plain_key_is_its_own_name(key: str) -> None:
    assert safe_name(key) == key


def test_names_never_change() -> None:
    # directories on disk are found by these: a change here loses data
    assert {
        key: safe_name(key) for key in ("A.csv", "étude/1.csv", "../../etc/passwd", "CON", "con.txt", "😀", "a.")
    } == {
        "A.csv": "A.csv~b1f4ee998059b64e",
        "étude/1.csv": "etude-1.csv~852a530137ae32c9",
        "../../etc/passwd": "etc-passwd~3754d6cb3a38e118",
        "CON": "CON~a3dbc4b644a9a2c5",
        "con.txt": "con-txt~d3bde286fd271ed6",
        "😀": "key~f0443a342c5ef547",
        "a.": "a~5ab640fad553cbf9",
    }


def test_only_a_key_has_a_name() -> None:
    with pytest.raises(PartitionKeyError):
        safe_name("")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaping_makes_a_part_of_a_key_and_is_undone(text: str) -> None:
    escaped = escape(text)
    assert not set(escaped) & set(",=/")
    assert not escaped or len(escaped) > MAX_KEY_LENGTH or check_key(escaped) == escaped
    assert unescape(escaped) == text


@pytest.mark.parametrize("text", ["100%", "%", "%2", "%zz", "%FF"])
def test_a_bad_escape_is_refused(text: str) -> None:
    with pytest.raises(PartitionKeyError, match="%25"):
        unescape(text)


def test_shorten_keeps_messages_short() -> None:
    assert shorten("ab") == "'ab'"
    assert len(shorten("x" * 500)) == 60
