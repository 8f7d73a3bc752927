"""Secrets: settings whose values are recorded nowhere. Each kernel gets them through a pipe that only it can read."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import stat
import struct
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from nbpart.errors import MissingInputError, ParameterError
from nbpart.run.redaction import Redactor
from nbpart.run.spec import decode_value, encode_value
from nbpart.run.spellings import SHORTEST, find_texts, iterate_leaves

VARIABLE = "NBPART_SECRETS_PIPE"
#: The name under which the options of sources go through the pipe; no setting has it.
STORAGE_OPTIONS = "storage options"
#: What an IPython kernel that inherited the pipe executes first.
RECEIVE_SECRETS_LINE = "__import__('nbpart.run.secrets', fromlist=['secrets']).receive_secrets_from_environment()"
_LENGTH = struct.Struct("!Q")
#: In a kernel: what it was given, encoded.
_secrets: dict[str, Any] = {}
#: Hidden wherever they stand these would leave little to read.
_COMMON = frozenset({"true", "false", "none", "null"})


def check_secret(name: str, value: Any) -> None:
    """Raises `ParameterError` for a value that could not be kept out of notebooks and logs.

    In lists and dicts numbers of fewer digits, truth values and None are no secrets; each text has to be one.
    """
    _check_kinds(name, value)
    leaves = list(iterate_leaves(value))
    texts = [leaf.strip() for leaf in leaves if isinstance(leaf, str) and leaf]
    if not find_texts(value) or any(len(text) < SHORTEST for text in texts):
        raise ParameterError(
            f"the secret {name!r} has fewer than {SHORTEST} characters{' in one of its texts' * (len(leaves) > 1)} and "
            "could not be told from other text; choose a longer one, or give what is no secret as another setting."
        )
    if common := next((text for text in texts if text.lower() in _COMMON), None):
        raise ParameterError(
            f"the secret {name!r} holds the word {common!r}, which would be taken out wherever it stands; "
            "choose another value."
        )


def _check_kinds(name: str, value: Any) -> None:
    # the error of encode_value shows the value
    for leaf in iterate_leaves(value):
        if leaf is not None and not isinstance(leaf, bool | int | float | str | datetime.date):
            raise ParameterError(
                f"the secret {name!r} holds a {type(leaf).__qualname__}, which cannot be handed to a run; "
                "pass text, numbers, dates, or lists and dicts of them."
            )
    encode_value(value)


def spell_secrets(secrets: Mapping[str, Any], storage_options: Mapping[str, Any] | None = None) -> bytes:
    """The bytes that are sent through the pipe; empty where there are no secrets and no options of sources."""
    if storage_options:
        secrets = {**secrets, STORAGE_OPTIONS: storage_options}
    return json.dumps({name: encode_value(value) for name, value in secrets.items()}).encode() if secrets else b""


@contextlib.contextmanager
def pass_secrets(spelled: bytes) -> Iterator[list[int]]:
    """A pipe that secrets can be read from once: its descriptor, to be handed to one kernel within the block.

    No descriptor where there are no secrets.
    """
    if not spelled:
        yield []
        return
    reader, writer = os.pipe()
    # a pipe holds so much and no more, and the kernel has yet to start
    threading.Thread(target=_write, args=(writer, spelled), name="nbpart secrets", daemon=True).start()
    try:
        yield [reader]
    finally:
        os.close(reader)


def spell_environment(descriptor: int) -> dict[str, str]:
    """The variable by which a kernel finds the pipe that it inherited."""
    return {VARIABLE: f"{descriptor}:{os.fstat(descriptor).st_ino}"}


def receive_secrets(descriptor: int) -> None:
    """Read the secrets of this kernel from the pipe and close it."""
    with open(descriptor, "rb") as pipe:
        # not to its end, which a process could hold that was forked from the writer
        head = pipe.read(_LENGTH.size)
        if len(head) == _LENGTH.size:
            _secrets.update(json.loads(pipe.read(*_LENGTH.unpack(head))))


def receive_secrets_from_environment() -> None:
    """Call `receive_secrets` for the pipe that an environment variable names, and remove that variable."""
    number, _, inode = os.environ.pop(VARIABLE, "").partition(":")
    if not number:
        return
    with contextlib.suppress(OSError):  # a process that inherited the variable alone
        found = os.fstat(int(number))
        if stat.S_ISFIFO(found.st_mode) and str(found.st_ino) == inode:
            receive_secrets(int(number))


def read_secret(name: str) -> Any:
    """A secret of the run that this kernel was started for. Raises `MissingInputError` where it was given none."""
    receive_secrets_from_environment()
    if name not in _secrets:
        raise MissingInputError(f"this run was given no secret {name!r}; pass it in params of the backfill.")
    return decode_value(_secrets[name])


def read_storage_options(source: str) -> Mapping[str, Any]:
    """The storage options of a source that the run of this kernel reads; empty where it has none.

    Raises `MissingInputError` where whoever started the run lacked one.
    """
    receive_secrets_from_environment()
    found = decode_value(_secrets.get(STORAGE_OPTIONS, {})).get(source, {})
    return check_storage_options(source, found)


def check_storage_options(source: str, options: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The options; `MissingInputError` where they are None."""
    if options is None:
        raise MissingInputError(
            f"this run was started without the storage options of source {source!r}; start it where the environment "
            "variables that it names are set, or in the process that declared it."
        )
    return options


def received_secrets() -> dict[str, Any]:
    """The secrets that this kernel was given, by name."""
    return {name: decode_value(value) for name, value in _secrets.items() if name != STORAGE_OPTIONS}


def redactor_of_this_run() -> Redactor:
    """The redactor of the secrets of the run that this kernel was started for."""
    return Redactor({name: decode_value(value) for name, value in _secrets.items()})


def _write(writer: int, spelled: bytes) -> None:
    # the kernel may end before it has read them
    with contextlib.suppress(BrokenPipeError), open(writer, "wb", buffering=0) as pipe:
        data = memoryview(_LENGTH.pack(len(spelled)) + spelled)
        while data:
            data = data[pipe.write(data) :]
