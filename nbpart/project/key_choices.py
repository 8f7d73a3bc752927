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
    if hasattr(keys, "columns") and hasattr(keys, "to_dict"):
        return list(keys[_KEY_COLUMN]) if _KEY_COLUMN in keys.columns else list(keys.to_dict("records"))
    is_one = isinstance(keys, str | bytes | Mapping) or not isinstance(keys, Iterable) or getattr(keys, "ndim", 1) == 0
    return [keys] if is_one else list(keys)
