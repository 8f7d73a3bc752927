"""The journal of a run: what its kernel sent, as it came, in a file that outlives the kernel.

A record is a line of JSON: ``{"cell": 2, "id": ..., "at": ...}`` where a cell begins, ``{"kind": "stream", "of": ...,
"content": ...}`` for each of its messages, ``{"note": ...}`` for what the log has besides, and ``{"done": 2, "at": ...,
"ending": ...}`` where it is done; first of all comes ``{"language": ...}``. ``at`` is in seconds of `time.monotonic`,
``now`` in seconds since 1970. The last line may be torn.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from nbpart.run.kernels.local_output import LocalMessage

_READ_SIZE = 1 << 20


class Journal:
    """Appends records to an open file; `bell`, an eventfd, is rung for each."""

    def __init__(self, descriptor: int, bell: int | None = None) -> None:
        self._descriptor, self._bell = descriptor, bell
        self._lock = threading.Lock()

    def write(self, record: Mapping[str, Any]) -> None:
        self._append(json.dumps(record).encode())

    def write_message(self, message: LocalMessage) -> None:
        about: dict[str, Any] = {"kind": message.kind, "of": message.parent.get("msg_id")}
        if message.buffers:
            about["buffers"] = [base64.b64encode(each).decode() for each in message.buffers]
        self._append(json.dumps(about).encode()[:-1] + b', "content": ' + message.packed + b"}")

    def _append(self, line: bytes) -> None:
        data = memoryview(line + b"\n")
        with self._lock:
            while data:
                data = data[os.write(self._descriptor, data) :]
        if self._bell is not None:
            os.eventfd_write(self._bell, 1)


class JournalReader:
    """Reads what was appended to a journal since it was asked last."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0
        self._torn: list[bytes] = []

    @property
    def has_news(self) -> bool:
        return os.fstat(self._descriptor).st_size > self._at

    def read(self) -> Iterator[dict[str, Any]]:
        """The records that are new and whole; they are in memory one part of the file after the other."""
        while part := os.pread(self._descriptor, _READ_SIZE, self._at):
            self._at += len(part)
            first, *lines = part.split(b"\n")
            self._torn.append(first)
            if not lines:
                continue
            lines.insert(0, b"".join(self._torn))
            self._torn = [lines.pop()]
            for line in lines:
                # what is no UTF-8 a client would read so, too
                yield json.loads(line.decode("utf-8", "replace"))


def to_message(record: Mapping[str, Any]) -> dict[str, Any]:
    """The message of a record, as nbclient takes it."""
    return {
        "msg_type": record["kind"],
        "header": {"msg_type": record["kind"]},
        "parent_header": {"msg_id": record["of"]},
        "content": record["content"],
        "metadata": {},
        "buffers": [base64.b64decode(each) for each in record.get("buffers", ())],
    }
