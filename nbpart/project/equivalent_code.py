"""Spelling the line of Python that does the same as an action in a widget."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from nbpart.widgets.actions import KeyLike

#: A list of keys is cut after so many.
MAX_SPELLED = 20


def spell_call(
    selection: Sequence[str],
    keys: str,
    status: Sequence[str],
    options: Mapping[str, Any] | None = None,
    *,
    where: str = "",
) -> str:
    """The arguments of ``ws.plan`` and ``ws.backfill``; what is the default is left out.

    ``keys`` is the expression that chooses them, "" for all.
    """
    parts = [repr(selection[0]) if len(selection) == 1 else repr(list(selection))]
    if keys:
        parts.append(f"keys={keys}")
    if where:
        parts.append(f"where={where!r}")
    if list(status) != ["outdated"]:
        parts.append(f"status={status[0]!r}" if len(status) == 1 else f"status={list(status)!r}")
    parts += [f"{name}={value!r}" for name, value in (options or {}).items()]
    return ", ".join(parts)


def spell_keys(keys: Sequence[KeyLike]) -> str:
    """Keys as a literal: one alone, a list, or the beginning of a long list."""
    if len(keys) == 1:
        return repr(keys[0])
    if len(keys) <= MAX_SPELLED:
        return repr(list(keys))
    shown = ", ".join(repr(key) for key in keys[:MAX_SPELLED])
    return f"[{shown}, ...]  # {len(keys):,} keys"


def spell_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a literal; of a long list the beginning."""
    shown = ", ".join(repr(dict(row)) for row in rows[:MAX_SPELLED])
    return f"[{shown}{', ...' if len(rows) > MAX_SPELLED else ''}]"


def spell_axis(values: Sequence[Any]) -> str:
    """Values of a parameter; whole numbers in equal steps are a range."""
    steps = {b - a for a, b in itertools.pairwise(values) if type(a) is type(b) is int}
    if (
        len(values) > 3
        and all(type(value) is int for value in values)
        and len(steps) == 1
        and (step := steps.pop()) > 0
    ):
        return f"range({values[0]}, {values[-1] + 1}{f', {step}' if step != 1 else ''})"
    return spell_keys(values)


def spell_partition(asset: str, key: str | None) -> str:
    """The arguments that name a partition: the asset, and the key if there is one."""
    return repr(asset) if key is None else f"{asset!r}, {key!r}"


def spell_set(name: str) -> str:
    """The expression for a set of dynamic partitions."""
    return f"ws.partition_sets[{name!r}]"
