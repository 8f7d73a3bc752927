"""Redaction: no common spelling of a secret leaves a run, and nothing else is lost."""

from __future__ import annotations

import base64
import csv
import datetime
import html
import io
import json
import pprint
import re
import shlex
import textwrap
import urllib.parse
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.run.redaction import HIDDEN, Redactor

SECRET = 'top "secret" <ü> & it\'s\\n%/+'


def _csv(text: str) -> str:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow([text])
    return file.getvalue()


def _colour(text: str) -> str:
    return "".join(f"\x1b[3{n % 8}m{c}\x1b[0m" for n, c in enumerate(text))


def _mark_up(text: str) -> str:
    return "".join(f'<span style="color: #{n:03d}">{html.escape(c)}</span>' for n, c in enumerate(text))


SPELLERS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "repr": repr,
    "repr of a list": lambda s: repr([s, (s,)]),
    "repr of a repr": lambda s: repr(repr(s)),
    "ascii": ascii,
    "bytes": lambda s: repr(s.encode()),
    "JSON": json.dumps,
    "JSON of itself": lambda s: json.dumps(s, ensure_ascii=False),
    "JSON in JSON": lambda s: json.dumps(json.dumps({"a": json.dumps([s])})),
    "HTML": html.escape,
    "HTML with quotes": lambda s: html.escape(s, quote=False),
    "HTML numbers": lambda s: "".join(c if c.isascii() and c.isalnum() else f"&#x{ord(c):X};" for c in s),
    "HTML in HTML": lambda s: html.escape(html.escape(s)),
    "HTML of a repr": lambda s: html.escape(repr(s)),
    "URL": urllib.parse.quote,
    "URL form": urllib.parse.quote_plus,
    "URL in URL": lambda s: urllib.parse.quote(urllib.parse.quote(s, safe=""), safe=""),
    "URL in lower case": lambda s: re.sub("%..", lambda m: m[0].lower(), urllib.parse.quote(s, safe="")),
    "shell": shlex.quote,
    "shell with backslashes": lambda s: re.sub(r"([^\w\n])", r"\\\1", s),
    "CSV": _csv,
    "SQL": lambda s: "'" + s.replace("'", "''") + "'",
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 behind one": lambda s: base64.b64encode(b":" + s.encode() + b"\n").decode(),
    "base64 behind two": lambda s: base64.urlsafe_b64encode(b"u:" + s.encode() + b"@x").decode(),
    "base64 in lines": lambda s: base64.encodebytes(b"Basic user:" + s.encode()).decode(),
    "base64 in lines, as bytes": lambda s: repr(base64.encodebytes(b"user:" + s.encode())),
    "base64 in a URL": lambda s: urllib.parse.quote(base64.b64encode(s.encode()).decode(), safe=""),
    "hexadecimal": lambda s: s.encode().hex(),
    "hexadecimal in capitals": lambda s: s.encode().hex().upper(),
    "colours": _colour,
    "colours of a repr": lambda s: _colour(repr(s)),
    "tags": _mark_up,
    "narrow": lambda s: pprint.pformat({"a": s}, width=12),
}
# what a speller of a shorter secret could leave by chance is no leak
SECRETS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"), min_size=6, max_size=90
)


def leaks(secret: str, text: str, spell: Callable[[str], str]) -> bool:
    """Whether a text still holds what was spelled, or the secret."""
    return spell(secret) in text or secret in text


@pytest.mark.parametrize("name", SPELLERS)
def test_no_spelling_is_left(name: str) -> None:
    spelled = SPELLERS[name](SECRET)
    redacted = Redactor({"token": SECRET}).redact(f"before {spelled} behind")
    assert HIDDEN in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" behind")
    assert not leaks(SECRET, redacted, SPELLERS[name])
    for word in ("secret", "c2VjcmV0", b"secret".hex(), "it"):
        assert word not in re.sub(r"\x1b\[\d+m|<[^>]*>|b?'\n *b?'", "", redacted.removeprefix("before"))


@settings(deadline=None, max_examples=60)
@given(SECRETS.filter(lambda s: len(s.strip()) >= 6), st.sampled_from(sorted(SPELLERS)), st.integers(1, 9))
def test_no_spelling_is_left_of_any_secret(secret: str, name: str, size: int) -> None:
    spelled = SPELLERS[name](secret)
    redactor = Redactor({"token": secret})
    text = f"a line\nbefore {spelled} behind\n"
    redacted = redactor.redact(text)
    assert HIDDEN in redacted
    assert not leaks(secret, redacted, SPELLERS[name])
    written: list[str] = []
    writer = redactor.wrap(written.append)
    for start in range(0, len(text), size):
        writer(text[start : start + size])
    writer.flush()
    assert not leaks(secret, "".join(written), SPELLERS[name])


@given(st.lists(st.sampled_from([SECRET, "word ", "top ", "\n", "top", 'top "secret']), max_size=8), st.integers(1, 7))
def test_no_piece_of_a_log_holds_a_secret_and_nothing_else_is_lost(parts: list[str], size: int) -> None:
    text = "".join(parts)
    written: list[str] = []
    writer = Redactor({"token": SECRET}).wrap(written.append)
    for start in range(0, len(text), size):
        writer(text[start : start + size])
    writer.flush()
    assert "".join(written) == text.replace(SECRET, HIDDEN)


def test_of_two_secrets_that_begin_alike_neither_is_left_in_pieces() -> None:
    writer = Redactor({"short": "abcdef", "long": "abcdefghij"}).wrap((written := []).append)
    for piece in ("x abcdef", "ghij abc", "def", " abcdefgh"):
        writer(piece)
    writer.flush()
    assert "".join(written) == f"x {HIDDEN} {HIDDEN} {HIDDEN}gh"


def test_what_cannot_be_the_beginning_of_a_secret_is_written_at_once() -> None:
    writer = Redactor({"token": "tok-12345678"}).wrap((written := []).append)
    for piece in ("a line\n", "50%|#####     |\r", "\x1b[31mred\x1b[0m ", "at a prompt: ", "tok"):
        writer(piece)
        assert written.pop() == piece if piece != "tok" else not written
    writer("yo")
    assert written.pop() == "tokyo"


def test_the_lines_and_the_long_pieces_of_a_secret_are_secret_too() -> None:
    hidden = Redactor({"key": "-----BEGIN\nabcdefgh\n-----END"})
    assert hidden.redact("abcdefgh and -----BEGIN") == f"{HIDDEN} and {HIDDEN}"
    token = "".join(chr(97 + n * n * 7 % 26) + str(n) for n in range(60))
    cut = textwrap.shorten(f"token: {token}", 400)[:90] + "…"
    assert token[:32] not in Redactor({"token": token}).redact(cut)
    assert Redactor({"token": token}).redact(f"({token})") == f"({HIDDEN})"


def test_members_of_lists_and_dicts_are_secret_and_their_keys_are_not() -> None:
    hidden = Redactor({"login": {"user": "someone", "hosts": ["db.inside", ("10.0.0.7",)], "tls": True, "no": None}})
    text = json.dumps({"user": "someone", "hosts": ["db.inside", "10.0.0.7"], "tls": True, "no": None})
    assert json.loads(hidden.redact(text)) == {"user": HIDDEN, "hosts": [HIDDEN, HIDDEN], "tls": True, "no": None}


def test_the_password_of_a_url_and_the_texts_of_a_json_text_are_secret_too() -> None:
    url = Redactor({"url": "postgresql://me:p%40ss-word@db/x"})
    assert url.redact("p@ss-word of me, p%40ss-word at db") == f"{HIDDEN} of me, {HIDDEN} at db"
    account = json.dumps({"type": "key", "private_key": "-----BEGIN\nAbCdEfGh\n-----END"})
    assert Redactor({"account": account}).redact("AbCdEfGh is a key") == f"{HIDDEN} is a key"


@pytest.mark.parametrize("secret", [12345678, "12345678", 12345678.0])
def test_a_number_is_hidden_as_a_number_and_as_a_text(secret: Any) -> None:
    hidden = Redactor({"pin": secret})
    kept = {"n": 8, "more": 123456789, "yes": True, "none": None}
    assert (
        hidden.redact_value({"pin": 12345678, "float": 12345678.0, **kept}) == {"pin": HIDDEN, "float": HIDDEN} | kept
    )
    for text in ("12345678", "pin=12345678.0", "[12345678]"):
        assert "12345678" not in hidden.redact(text)


def test_thousands_and_dates_are_hidden() -> None:
    hidden = Redactor({"salary": 1234567, "born": datetime.date(1987, 6, 5)})
    for text in ("1,234,567", "1_234_567", "1 234 567", "1987-06-05", "datetime.date(1987, 6, 5)"):
        assert hidden.redact(text) == HIDDEN


def test_what_is_no_secret_hides_nothing() -> None:
    hidden = Redactor({"flags": [True, None, "abc", 12, ""]})
    assert not hidden
    assert hidden.redact("True None abc 12") == "True None abc 12"
    assert hidden.redact_value([True, 12, 1]) == [True, 12, 1]


def test_the_colours_around_and_inside_of_a_secret_stay() -> None:
    hidden = Redactor({"token": "tok-1234"})
    assert hidden.redact("\x1b[32mtok\x1b[0m-\x1b[31m1234\x1b[0m!") == f"\x1b[32m{HIDDEN}\x1b[0m\x1b[31m\x1b[0m!"
    assert Redactor({"token": "abc<def>ghi"}).redact("an abc<def>ghi.") == f"an {HIDDEN}."


def test_a_notebook_keeps_its_form_and_its_pictures() -> None:
    secret = "code stream 42"
    new = nbformat.v4
    picture = base64.b64encode(b"\x89PNG" + secret.encode()).decode()
    data = {"text/plain": repr(secret), "application/json": {"deep": [secret, {secret: 1}]}, "image/png": picture}
    outputs = [
        new.new_output("stream", name="stdout", text=f"{secret}\nmore\n"),
        new.new_output("display_data", data=data, metadata={"title": secret}),
        new.new_output("error", ename="ValueError", evalue=secret, traceback=[_colour(secret), "here"]),
    ]
    cells = [new.new_code_cell(f"x = {secret!r}", outputs=outputs), new.new_markdown_cell(secret)]
    state = {"model": {"state": {"value": secret}, "buffers": [{"encoding": "base64", "data": picture}]}}
    spec = {"name": "python3", "display_name": "Python", "language": "python"}
    notebook = new.new_notebook(cells=cells, metadata={"kernelspec": spec, "widgets": state, "note": secret})
    redacted = Redactor({"a": secret, "b": "python3", "c": "stdout"}).redact_notebook(notebook)
    nbformat.validate(nbformat.from_dict(redacted))
    text = json.dumps(redacted).replace(picture, "")
    assert text.count("•") == 0
    assert secret not in text
    assert json.dumps(redacted).count(picture) == 2
    assert redacted["metadata"]["kernelspec"] == spec
    assert redacted["cells"][0]["outputs"][0]["text"] == f"{HIDDEN}\nmore\n"
    assert redacted["cells"][0]["outputs"][1]["data"]["application/json"] == {"deep": [HIDDEN, {HIDDEN: 1}]}
