"""A library that keeps what is registered at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SEEN: list[str] = []


def register(name: str) -> Callable[[Any], Any]:
    SEEN.append(name)
    return lambda function: function
