"""What a user gives as keys, one or several, as a list of choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: The column of a frame that holds keys, whatever others it has.
_KEY_COLUMN = "partition_key"


def list_choices(keys: Any) -> list[Any]:
    """``keys`` as a list of choices: one, several, or the rows of a frame.

    Of a frame with a column ``partition_key`` these are the keys; of another the rows, as dicts.
    """
    if _is_frame(keys):
        return list(keys[_KEY_COLUMN]) if _KEY_COLUMN in keys.columns else list(keys.to_dict("records"))
    return list(keys) if is_list(keys) else [keys]


def is_list(keys: Any) -> bool:
    """Whether ``keys`` are several choices, which have an order, and not one."""
    is_one = isinstance(keys, str | bytes | Mapping) or not isinstance(keys, Iterable) or getattr(keys, "ndim", 1) == 0
    return _is_frame(keys) or not is_one


def has_order(keys: Any) -> bool:
    """Whether ``keys`` are several choices in an order that somebody gave them."""
    return is_list(keys) and not isinstance(keys, set | frozenset)


def _is_frame(keys: Any) -> bool:
    return hasattr(keys, "columns") and hasattr(keys, "to_dict")
