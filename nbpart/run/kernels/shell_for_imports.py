"""An IPython shell and standard streams for libraries that are imported in the zygote, before there is a kernel.

The kernel that is forked later initializes the same objects anew, so that references which a library keeps stay right,
and what it registered with the shell stays registered.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipykernel.iostream import OutStream
from ipykernel.zmqshell import ZMQInteractiveShell
from jupyter_client.session import Session
from traitlets.config import Config

_PRINTERS = ("singleton_printers", "type_printers", "deferred_printers")
#: What ipykernel sets where nothing else is.
_BACKEND = "module://matplotlib_inline.backend_inline"


class UnboundStream(OutStream):
    """A standard stream before there is a kernel: text goes to the process's own stream."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._own: Any = getattr(sys, f"__{name}__")

    def write(self, string: str) -> int:
        written: int = self._own.write(string)
        return written

    def flush(self) -> None:
        self._own.flush()

    def fileno(self) -> int:
        number: int = self._own.fileno()
        return number

    def isatty(self) -> bool:
        return False

    def close(self) -> None:
        return


@dataclass
class Registrations:
    """Callbacks, printers, magics, variables and configurables that are registered with a shell."""

    callbacks: dict[str, list[Any]] = field(default_factory=dict)
    printers: dict[str, dict[str, dict[Any, Any]]] = field(default_factory=dict)
    magics: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    configurables: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, shell: Any) -> Registrations:
        """Everything that is registered with a shell now."""
        return cls(
            {event: list(functions) for event, functions in shell.events.callbacks.items()},
            {name: {kind: dict(getattr(f, kind)) for kind in _PRINTERS} for name, f in _formatters(shell).items()},
            {kind: dict(functions) for kind, functions in shell.magics_manager.magics.items()},
            dict(shell.user_ns),
            list(shell.configurables),
        )

    def since(self, before: Registrations) -> Registrations:
        """The registrations that were not in ``before``."""
        return Registrations(
            {
                event: [f for f in fs if f not in before.callbacks.get(event, ())]
                for event, fs in self.callbacks.items()
            },
            {
                name: {kind: _new(now, before.printers.get(name, {}).get(kind, {})) for kind, now in kinds.items()}
                for name, kinds in self.printers.items()
            },
            {kind: _new(now, before.magics.get(kind, {})) for kind, now in self.magics.items()},
            _new(self.variables, before.variables),
            [each for each in self.configurables if all(each is not known for known in before.configurables)],
        )

    def register(self, shell: Any) -> None:
        """Register all of it with a shell."""
        for event, functions in self.callbacks.items():
            for function in functions:
                shell.events.register(event, function)
        formatters = _formatters(shell)
        for name, kinds in self.printers.items():
            for kind, printers in kinds.items():
                if name in formatters:
                    getattr(formatters[name], kind).update(printers)
        for kind, magics in self.magics.items():
            shell.magics_manager.magics[kind].update(magics)
        shell.user_ns.update(self.variables)
        for configurable in self.configurables:
            configurable.update_config(shell.config)
            shell.configurables.append(configurable)


def _formatters(shell: Any) -> dict[str, Any]:
    display = shell.display_formatter
    return {
        **display.formatters,
        "mimebundle": display.mimebundle_formatter,
        "ipython_display": display.ipython_display_formatter,
    }


def _new(now: Mapping[Any, Any], before: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in now.items() if name not in before or before[name] is not value}


class _SilentSession(Session):
    """Sends nothing."""

    def send(self, *args: Any, **options: Any) -> Any:
        return None


class ShellForImports:
    """The shell and the streams of the zygote; in a fork the kernel uses the same objects."""

    def __init__(self) -> None:
        environment = dict(os.environ)
        #: What imports set in the environment: the value before and after it, None where there is none.
        self._set_variables: dict[str, tuple[str | None, str | None]] = {}
        # libraries ask its configuration whether there is a kernel; the history is each kernel's own
        config = Config({"IPKernelApp": {"connection_file": ""}, "HistoryManager": {"enabled": False}})
        self._shell: Any = ZMQInteractiveShell.instance(config=config)
        atexit.unregister(self._shell.atexit_operations)
        _restore(environment)
        self._before = Registrations.of(self._shell)
        self._streams = {name: UnboundStream(name) for name in ("stdout", "stderr")}

    @contextlib.contextmanager
    def show(self) -> Iterator[None]:
        """Let imports in the block find a shell and streams as in a kernel that executes a cell."""
        argv, before = list(sys.argv), dict(os.environ)
        sys.argv[:] = [launcher_path(), "-f", "kernel.json"]
        self._shell.init_environment()
        if not os.environ.get("MPLBACKEND"):
            os.environ["MPLBACKEND"] = _BACKEND
        shown = dict(os.environ)
        try:
            with (
                self._shell.builtin_trap,
                contextlib.redirect_stdout(self._streams["stdout"]),
                contextlib.redirect_stderr(self._streams["stderr"]),
            ):
                yield
        finally:
            sys.argv[:] = argv
            self.note_variables(shown)
            _restore(before)

    def execute_once(self, cells: Iterable[str]) -> None:
        """Execute cells whose output nobody sees, and forget what they made; the shell is made anew for each kernel."""
        shell, names, traces = self._shell, dict(self._shell.user_ns), set(vars(sys))
        shell.displayhook.session = shell.display_pub.session = _SilentSession()
        with self.show():
            for cell in cells:
                shell.run_cell(cell, store_history=False)
        shell.user_ns.clear()
        shell.user_ns.update(names)
        for name in set(vars(sys)) - traces:  # what sys keeps of a value that was shown, or of an error
            delattr(sys, name)

    def note_variables(self, before: Mapping[str, str]) -> None:
        """Remember what imports have set in the environment since it was as `before`."""
        for name in {*before, *os.environ}:
            if before.get(name) != os.environ.get(name):
                self._set_variables[name] = before.get(name), os.environ.get(name)

    def set_variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """A kernel's environment with what the imports would have set in it."""
        made = dict(environment)
        for name, (before, after) in self._set_variables.items():
            if environment.get(name) == before:
                made.pop(name, None)
                made.update({name: after} if after is not None else {})
        return made

    def make_shell(self, **options: Any) -> Any:
        """The kernel's shell: the same object made anew, with what was registered before."""
        registered = Registrations.of(self._shell).since(self._before)
        filters = list(warnings.filters)
        self._shell.__init__(**options)
        # what it sets again goes behind what libraries set since
        warnings.filters[:] = [each for each in warnings.filters if each not in filters] + filters  # type: ignore[index]
        registered.register(self._shell)
        return self._shell

    def make_stream(self, kind: type[OutStream], session: Any, thread: Any, name: str, **options: Any) -> Any:
        """A standard stream of the kernel, of that kind, in the object that stood for it."""
        stream: Any = self._streams.pop(name, None) or UnboundStream(name)
        stream.__dict__.clear()
        stream.__class__ = kind
        stream.__init__(session, thread, name, **options)
        return stream


@contextlib.contextmanager
def keep_log_handlers() -> Iterator[None]:
    """Keep existing log handlers open in the block, in which an application configures logging anew."""
    module: Any = logging
    handlers, names = list(module._handlerList), dict(module._handlers)
    module._handlerList.clear()
    module._handlers.clear()
    try:
        yield
    finally:
        module._handlerList[:0] = handlers
        module._handlers.update(names)


def launcher_path() -> str:
    """The program that a kernel's command line names, as its `sys.argv` shows it."""
    found = importlib.util.find_spec("ipykernel_launcher")
    return found.origin if found is not None and found.origin else "ipykernel_launcher.py"


def _restore(environment: Mapping[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
