from __future__ import annotations

import keyword
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError
from nbpart.partitions.names import MAX_NAME_BYTES, RESERVED_NAMES, check_name, make_name


@pytest.mark.parametrize("name", ["a", "_a1", "größe", "match", "Model", "runs"])
def test_identifiers_are_names(name: str) -> None:
    assert check_name(name, "asset") == name


@pytest.mark.parametrize("name", ["", "a b", "1a", "a-b", "a.b", *keyword.kwlist])
def test_what_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match=r"The asset name .* is no Python identifier"):
        check_name(name, "asset")


@pytest.mark.parametrize("name", [None, 3, ("a",)], ids=repr)
def test_what_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(DeclarationError, match=r"The metric name .* is no Python identifier"):
        check_name(name, "metric")


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_reserved_names_are_refused_in_any_case(name: str) -> None:
    for written in (name, name.upper(), name.title()):
        with pytest.raises(DeclarationError, match="has a meaning already"):
            check_name(written, "parameter")


def test_a_name_that_python_would_change_is_refused() -> None:
    with pytest.raises(DeclarationError, match="read as another name"):
        check_name("ﬁle", "parameter")


@pytest.mark.parametrize("letter", ["a", "ä", "名", "𝒷"])
def test_a_name_leaves_room_in_that_of_a_file(letter: str) -> None:
    letter = unicodedata.normalize("NFKC", letter)
    longest = letter * (MAX_NAME_BYTES // len(letter.encode()))
    assert check_name(longest, "asset") == longest
    with pytest.raises(DeclarationError, match=r"The asset name .* takes 18\d bytes.*choose a shorter one"):
        check_name(longest + letter, "asset")


@given(st.text(max_size=300))
def test_a_name_can_be_made_of_any_text(text: str) -> None:
    assert check_name(make_name(text, "notebook"), "asset")
