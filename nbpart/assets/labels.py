"""The group and the tags of a declaration, by which selections and limits mean it."""

from __future__ import annotations

from typing import Any

from nbpart.errors import DeclarationError
from nbpart.partitions.keys import shorten

#: What means something else in a selection.
_SIGNS = ",+*?["


def read_labels(what: str, group: Any, tags: Any) -> tuple[str, tuple[str, ...]]:
    """The group and the tags of a declaration, which a selection can name. Raises `DeclarationError`."""
    one_by_one = (tags,) if isinstance(tags, str) else tuple(tags)
    for kind, label in [*(("tag", tag) for tag in one_by_one), *([] if group == "" else [("group", group)])]:
        if not isinstance(label, str) or not label or label != label.strip() or not label.isprintable():
            raise DeclarationError(f"{what}: the {kind} {shorten(label)} is no name: give one line of text.")
        if sign := next((sign for sign in _SIGNS if sign in label), None):
            raise DeclarationError(
                f"{what}: the {kind} {shorten(label)} has a {sign!r}, which selections read otherwise."
            )
    return group, tuple(dict.fromkeys(one_by_one))
