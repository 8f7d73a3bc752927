"""The answer of a sensor as JSON: from the process in which it ran to the one that records it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbpart.assets.selection import describe
from nbpart.automation.sensor import RunRequest, SensorResult, SkipReason
from nbpart.partitions import AddKeysRequest, DeleteKeysRequest
from nbpart.partitions.values import to_plain
from nbpart.run.spec import decode_value, encode_value


def encode_result(result: SensorResult) -> dict[str, Any]:
    """The answer as plain JSON. Raises `ParameterError` or ValueError for values that cannot be handed on."""
    reason = result.skip_reason
    return {
        "runs": [_encode_run(request) for request in result.run_requests],
        "changes": [
            [isinstance(one, AddKeysRequest), one.set_name, [_encode(key) for key in one.keys]]
            for one in result.dynamic_partitions_requests
        ],
        "cursor": result.cursor,
        "skip_reason": reason.skip_message if isinstance(reason, SkipReason) else reason,
    }


def decode_result(encoded: Mapping[str, Any]) -> SensorResult:
    """What `encode_result` encoded."""
    runs = [RunRequest(**{**run, **_decode_run(run)}) for run in encoded["runs"]]
    changes = [
        (AddKeysRequest if is_added else DeleteKeysRequest)(name, tuple(decode_value(keys)))
        for is_added, name, keys in encoded["changes"]
    ]
    return SensorResult(runs, changes, encoded["cursor"], encoded["skip_reason"])


def _encode_run(request: RunRequest) -> dict[str, Any]:
    return {
        "partition_key": _encode(request.partition_key),
        "asset": None if request.asset is None else describe(request.asset),
        "run_key": None if request.run_key is None else str(request.run_key),
        "tags": {str(name): str(value) for name, value in request.tags.items()},
        "settings": _encode(dict(request.settings)),
    }


def _decode_run(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: decode_value(run[name]) for name in ("partition_key", "settings")}


def _encode(value: Any) -> Any:
    return encode_value(to_plain(value))
