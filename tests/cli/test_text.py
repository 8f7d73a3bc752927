from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nbpart.cli.text import clip, display_width, list_first, one_line, printable, printable_block, shorten

ANY_TEXT = st.text(st.characters(), max_size=60)


@given(ANY_TEXT)
def test_control_characters_are_escaped(text: str) -> None:
    assert not [c for c in printable(text) if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [c for c in printable_block(text) if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert printable(text).isprintable() or not text.isprintable()


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=60))
def test_printable_text_is_unchanged(text: str) -> None:
    assert printable(text) == text


def test_control_characters_are_escaped_as_in_python() -> None:
    assert printable("a\x1b[2Jb\x07\x9b\x7f\n\u2028\u202e\ud800") == "a\\x1b[2Jb\\x07\\x9b\\x7f\\n\\u2028\\u202e\\ud800"
    assert one_line("first\nsecond\x1b") == "first second\\x1b"


def test_a_block_keeps_its_lines_without_colours_and_overwritten_text() -> None:
    log = "\x1b[31mred\x1b[0m\tx\r\n 10%|#   \r100%|####\rdone\nclear\x1b[2J\n"
    assert printable_block(log) == "red\tx\ndone\nclear\\x1b[2J\n"
    assert printable_block("50%\r100%\r\n") == "100%\n"


@given(st.text(st.characters(categories=("L", "N", "P", "S", "M")), max_size=40), st.integers(1, 50))
def test_clipped_text_fits(text: str, width: int) -> None:
    short = clip(text, width)
    assert display_width(short) <= width
    assert short == text if display_width(text) <= width else short.endswith("…")


def test_the_width_of_wide_and_combining_characters() -> None:
    assert display_width("日本") == 4
    assert display_width("e\u0301") == 1
    assert clip("日本語", 4) == "日…"


def test_a_list_says_that_there_is_more() -> None:
    assert list_first(["a", "b\x1b"]) == "a, b\\x1b"
    assert list_first(["a", "b", "c", "d"]) == "a, b, c, …"


def test_long_errors_are_cut() -> None:
    assert len(one_line("x\n" * 10_000_000)) == 4_000
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"
