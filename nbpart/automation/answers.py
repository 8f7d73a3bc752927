"""Reading the answer of a sensor function: whatever it returned or yielded becomes one `SensorResult`."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from nbpart.automation.sensor import RunRequest, SensorResult, SkipReason
from nbpart.errors import DeclarationError
from nbpart.partitions import AddKeysRequest, DeleteKeysRequest
from nbpart.partitions.keys import drop_unprintable
from nbpart.partitions.values import to_plain

_KINDS = "keys, an nbpart.RunRequest, an nbpart.SkipReason or an nbpart.SensorResult"


def as_result(answer: Any, set_name: str | None) -> SensorResult:
    """The answer of a sensor function as a `SensorResult`: plain keys become requests to add and to run them.

    What it yields is collected, also where requests and keys are mixed. ``set_name`` is the set that plain keys belong
    to. Names in a list that are not UTF-8 or hold control characters are left out, with a warning. Raises
    `DeclarationError` for any other answer, and for keys without a ``set_name``.
    """
    if answer is None:
        return SensorResult()
    if isinstance(answer, str | Mapping | RunRequest | SkipReason | SensorResult | AddKeysRequest | DeleteKeysRequest):
        answer = [answer]
    if isinstance(answer, bytes) or not isinstance(answer, Iterable):
        raise DeclarationError(f"a sensor returns {_KINDS}, not {answer!r:.80} of type {type(answer).__name__}.")
    items = sorted(answer, key=str) if isinstance(answer, set | frozenset) else list(answer)
    runs: list[RunRequest] = []
    changes: list[AddKeysRequest | DeleteKeysRequest] = []
    keys: list[Any] = []
    cursor, reason = None, ""
    for item in items:
        if isinstance(item, SensorResult):
            runs += item.run_requests
            changes += item.dynamic_partitions_requests
            cursor = item.cursor if item.cursor is not None else cursor
            item = item.skip_reason
        if isinstance(item, RunRequest):
            runs.append(item)
        elif isinstance(item, AddKeysRequest | DeleteKeysRequest):
            changes.append(item)
        elif isinstance(item, SkipReason):
            reason = item.skip_message
        elif item is not None:
            keys.append(_check_key(item))
    keys = list(drop_unprintable(keys))
    if keys and set_name is None:
        raise DeclarationError(
            "the sensor returned keys, but it is not clear to which partitions they belong: "
            "declare it with @ws.sensor(partitions=...)."
        )
    if keys and set_name is not None:
        runs += [RunRequest(partition_key=key) for key in keys]
        changes.append(AddKeysRequest(set_name, tuple(keys)))
    return SensorResult(runs, changes, cursor, reason or None)


def _check_key(item: Any) -> Any:
    """Raise `DeclarationError` for what is neither a key nor a request."""
    try:
        plain = item if isinstance(item, Mapping) else to_plain(item)
    except ValueError:
        plain = None
    if not isinstance(plain, str | int | float | Mapping | datetime.date):
        raise DeclarationError(f"a sensor gave {item!r:.80} of type {type(item).__name__}; it gives {_KINDS}.")
    return item
