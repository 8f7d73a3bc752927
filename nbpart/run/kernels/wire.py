"""Messages between an owner, its zygote and the kernels: JSON behind its length, with file descriptors beside it."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

#: The most descriptors that go beside a message.
MOST_DESCRIPTORS = 8
_LENGTH = struct.Struct("!I")


def send(channel: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message, blocking; the receiver gets copies of the descriptors. Raises OSError where nobody listens."""
    # ASCII, so that what the environment holds besides UTF-8 travels too
    data = json.dumps(message, ensure_ascii=True).encode()
    data = _LENGTH.pack(len(data)) + data
    if descriptors:
        sent = socket.send_fds(channel, [data], list(descriptors))
        data = data[sent:]
    if data:  # to send nothing fails too where the receiver, that has it all, is gone
        channel.sendall(data)


def receive(channel: socket.socket, most_descriptors: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and the descriptors beside it, blocking; None where the other side is gone."""
    data, descriptors = b"", []
    wanted = _LENGTH.size
    try:
        while len(data) < wanted:
            if most_descriptors:
                # else what the receiver starts would inherit them
                part, came, _, _ = socket.recv_fds(
                    channel, wanted - len(data), most_descriptors, socket.MSG_CMSG_CLOEXEC
                )
                descriptors += came
            else:
                part = channel.recv(wanted - len(data))
            if not part:
                return None, descriptors
            data += part
            if len(data) == _LENGTH.size and wanted == _LENGTH.size:
                wanted += _LENGTH.unpack(data)[0]
    except ConnectionError:
        return None, descriptors
    return json.loads(data[_LENGTH.size :]), descriptors
