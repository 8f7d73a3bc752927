"""Partition keys as text: which texts are allowed, how values are escaped in them, and the file name of a key.

A key is any text that can be shown on one line. Three forms of it stand in this file:

    key         what people see and the catalog stores      étude/1.csv         depth=3,text=a%2Fb
    escaped     one value inside a key with parameters                           a%2Fb
    safe name   a directory on any file system              etude-1.csv~0c2f…   depth=3,text=a-2Fb~4d1a…
"""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TypeVar
from urllib.parse import quote, unquote

from nbpart.errors import PartitionKeyError

T = TypeVar("T")
log = logging.getLogger("nbpart")

MAX_KEY_LENGTH = 1000
MAX_SAFE_NAME_LENGTH = 100

# C0, DEL and C1 controls, the two line separators that are no controls, halves of surrogate pairs
_UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_is_key = re.compile(rf"[^{_UNPRINTABLE}]{{1,{MAX_KEY_LENGTH}}}").fullmatch
_is_derived_key = re.compile(rf"[^{_UNPRINTABLE}]+").fullmatch
_find_unprintable = re.compile(rf"[{_UNPRINTABLE}]").search

_escapable = re.compile(rf"[,=%/{_UNPRINTABLE}]")
_find_bad_escape = re.compile(r"%(?![0-9A-Fa-f]{2})").search

# "~" marks a name with a hash and upper case may be folded by the file system, so neither is in a plain name
_is_plain_name = re.compile(rf"[a-z0-9](?:[a-z0-9._=,+-]{{0,{MAX_SAFE_NAME_LENGTH - 2}}}[a-z0-9_=,+-])?").fullmatch
# names that Windows keeps for devices, with any extension
_is_device = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE).fullmatch
_unsafe = re.compile(r"[^A-Za-z0-9._=,+]+")

_HASH_DIGITS = 16
_SLUG_LENGTH = MAX_SAFE_NAME_LENGTH - _HASH_DIGITS - len("~")


def check_key(key: object) -> str:
    """Return ``key`` as a plain ``str`` if it can be a partition key.

    A key has 1 to 1,000 characters and none of them is a control character, a line or paragraph separator or a lone
    surrogate. Raises `PartitionKeyError` otherwise.
    """
    if isinstance(key, str) and _is_key(key):
        return key if type(key) is str else str.__str__(key)
    raise PartitionKeyError(_explain_refusal(key))


def check_derived_key(key: object) -> str:
    """`check_key` for a key that may be made of others, as those of products are: it may have any length."""
    if isinstance(key, str) and _is_derived_key(key):
        return key if type(key) is str else str.__str__(key)
    raise PartitionKeyError(_explain_refusal(key))


def drop_unprintable(keys: T) -> T | list[object]:
    """Remove from a list the texts that hold characters which no key may have, and name them in a warning.

    So one file name that is not UTF-8, or has a line break, does not keep the other files of a folder from being added.
    A single key, and whatever is no text, is returned as it is.
    """
    if isinstance(keys, str | Mapping) or not isinstance(keys, Iterable):
        return keys
    listed = list(keys)
    left_out = [key for key in listed if isinstance(key, str) and _find_unprintable(key)]
    if not left_out:
        return listed
    shown = ", ".join(shorten(key) for key in left_out[:3]) + (", …" if len(left_out) > 3 else "")
    log.warning(
        "%d of %d names cannot be partition keys, since they are not UTF-8 or hold control characters, and were left "
        "out: %s. Rename what they name.",
        len(left_out),
        len(listed),
        shown,
    )
    return [key for key in listed if not (isinstance(key, str) and _find_unprintable(key))]


def safe_name(key: str) -> str:
    """The file or directory name for ``key``: always the same, and different for every key.

    At most 100 of the ASCII characters ``A-Za-z0-9._=,+~-``, the first of them a letter or a digit, different for
    different keys also where the file system ignores case, and never a device of Windows. A short key in lower case
    is its own name; any other gets a readable part, ``~``, and 16 hexadecimal digits of its SHA-256.
    """
    key = check_derived_key(key)
    if _is_plain_name(key) and not _is_device(key):
        return key
    return f"{_slug(key)}~{hashlib.sha256(key.encode()).hexdigest()[:_HASH_DIGITS]}"


def escape(text: str) -> str:
    """Percent-encode the separators of a key (``,`` ``=`` ``%`` ``/``) and characters that no key may have."""
    return _escapable.sub(lambda match: quote(match[0], safe=""), text)


def unescape(text: str) -> str:
    """The opposite of `escape`. Raises `PartitionKeyError` where ``%`` is not followed by two hexadecimal digits."""
    if "%" not in text:
        return text
    try:
        if _find_bad_escape(text):
            raise ValueError
        return unquote(text, errors="strict")
    except ValueError:
        raise PartitionKeyError(f"{shorten(text)} is not percent-encoded text: write % itself as %25.") from None


def shorten(value: object, width: int = 60) -> str:
    """``repr(value)`` in at most ``width`` characters, for a message."""
    text = repr(value)
    return text if len(text) <= width else f"{text[: width - 2]}…{text[-1]}"


def _explain_refusal(key: object) -> str:
    if not isinstance(key, str):
        return f"A partition key is text, but {shorten(key)} is of type {type(key).__name__}: pass str(...) of it."
    if not key:
        return "A partition key cannot be the empty text: give it at least one character."
    if found := _find_unprintable(key):
        return (
            f"The partition key {shorten(key)} holds the character U+{ord(found[0]):04X} at position {found.start()}: "
            "keys have no control characters, line separators or lone surrogates."
        )
    return (
        f"The partition key {shorten(key)} has {len(key):,} characters: at most {MAX_KEY_LENGTH:,} are possible. "
        "Use a short name and look the long text up inside the run."
    )


def _slug(key: str) -> str:
    """The readable part of a safe name: ``key`` in ASCII, shortened; not unique."""
    if not key.isascii():
        # "é" becomes "e" and a mark, and the mark is dropped
        key = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode()
    slug = _unsafe.sub("-", key).lstrip("._=,+-")[:_SLUG_LENGTH].rstrip(".-")
    # the part before the first dot is what Windows looks at
    return slug.replace(".", "-") if _is_device(slug) else slug or "key"
