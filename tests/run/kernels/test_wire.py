"""Messages with descriptors over a pair of sockets."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from nbpart.run.kernels import wire

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, its = socket.socketpair()
    with ours, its:
        yield ours, its


def test_messages_come_one_by_one_and_whole(pair: Pair) -> None:
    messages = [{"a": 1}, {"text": "\U0001f600 \udc80 \n"}, {}]
    for message in messages:
        wire.send(pair[0], message)
    assert [wire.receive(pair[1])[0] for _ in messages] == messages


def test_a_message_larger_than_the_sockets_buffer(pair: Pair) -> None:
    message = {"env": {f"V{number}": "x" * 1000 for number in range(2000)}}
    sender = threading.Thread(target=wire.send, args=(pair[0], message, [0]))
    sender.start()
    came, descriptors = wire.receive(pair[1], 4)
    sender.join()
    assert came == message
    os.close(*descriptors)


def test_descriptors_travel(pair: Pair) -> None:
    reader, writer = os.pipe()
    wire.send(pair[0], {"op": "x"}, [writer])
    wire.send(pair[0], {"op": "y"})
    message, (copy,) = wire.receive(pair[1], 4)
    assert message == {"op": "x"}
    assert wire.receive(pair[1], 4) == ({"op": "y"}, [])
    os.write(copy, b"through")
    assert os.read(reader, 100) == b"through"
    for descriptor in (reader, writer, copy):
        os.close(descriptor)


@pytest.mark.parametrize("part", [b"", b"\0\0", b"\0\0\0\x09{"])
def test_the_end_of_the_other_side_is_no_message(pair: Pair, part: bytes) -> None:
    pair[0].sendall(part)
    pair[0].close()
    assert wire.receive(pair[1]) == (None, [])
