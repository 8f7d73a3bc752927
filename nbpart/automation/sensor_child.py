"""The child process in which the function of a sensor or a hook runs: a task comes in by a socket, an answer goes out.

The child is forked by the zygote, or started where nothing can be forked. It asks the process that holds the socket for
the keys of sets, and opens the catalog only where the sensor does more with it than that; it cannot write it.
"""

from __future__ import annotations

import importlib
import io
import os
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from nbpart.automation.asked_set import make_asked_sets
from nbpart.automation.hook import HookEvent
from nbpart.automation.sensor_answer import encode_result
from nbpart.automation.sensor_call import SensorDefinition, call_sensor, load_function
from nbpart.errors import NbpartError
from nbpart.run.kernels import wire

_PACKAGE = str(Path(__file__).parents[1])


def serve(channel: socket.socket) -> None:
    """Take the task that comes in, and answer it."""
    wire.send(channel, {"pid": os.getpid()})
    task, _ = wire.receive(channel)
    if task is not None:
        wire.send(channel, answer(task, channel))


def answer(task: Mapping[str, Any], channel: socket.socket) -> dict[str, Any]:
    """Call the sensor of a task: ``{"result": ...}`` as `encode_result` gives it, or ``{"error": ...}``."""
    definition, name = SensorDefinition(**task["definition"]), task["name"]

    @cache
    def open_once() -> Any:
        module, _, function = task["opener"].partition(":")
        return getattr(importlib.import_module(module), function)(Path(task["root"]), Path(task["catalog"]))

    def load_keys(set_name: str) -> list[str]:
        wire.send(channel, {"keys_of": set_name})
        found, _ = wire.receive(channel)
        if found is None:
            raise SystemExit("the process that asked this sensor is gone")
        keys: list[str] = found["keys"]
        return keys

    sets = make_asked_sets(task["sets"], load_keys, lambda set_name: open_once().partitions(set_name))
    for stream in (sys.stdout, sys.stderr):  # a child that is ended shows what it printed
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    # a file that is edited within a second, and keeps its size, is not told from what was compiled of it
    sys.dont_write_bytecode = True
    try:
        os.chdir(definition.folder)
        function = load_function(name, definition, OpenedOnDemand(open_once), sets)
        if "event" in task:
            function(HookEvent(**task["event"]))
            return {"result": None}
        result = call_sensor(name, function, task["cursor"], sets, definition.set_name)
        return {"result": encode_result(result)}
    except BaseException as error:  # noqa: BLE001 - also SystemExit: whatever it is, it is recorded
        return {"error": _describe(error)}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


class OpenedOnDemand:
    """The workspace as a variable of a sensor's code holds it: opened when something of it is used first."""

    def __init__(self, open_once: Callable[[], Any]) -> None:
        self._open_once = open_once

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._open_once(), name)


def _describe(error: BaseException) -> dict[str, Any]:
    """What the parent makes the error of the tick of; ``is_own``: nbpart says it, in a sentence that stands alone."""
    trace = "".join(traceback.format_exception(error.with_traceback(_skip_package(error.__traceback__))))
    text, kind = str(error), type(error).__name__
    return {"class": kind, "message": text, "traceback": trace, "is_own": isinstance(error, NbpartError)}


def _skip_package(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without those first lines of it that are in nbpart."""
    rest = trace
    while rest is not None and _is_own(rest.tb_frame):
        rest = rest.tb_next
    return rest or trace


def _is_own(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith((_PACKAGE, "<frozen importlib"))
