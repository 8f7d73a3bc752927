"""The import of nbformat, which need not take seconds.

With nbformat comes jsonschema, and where JupyterLab is installed jsonschema imports rfc3987_syntax. That builds forty
parsers of internationalized addresses in one or two seconds; no schema of a notebook has such an address.
See https://github.com/python-jsonschema/jsonschema/issues/1428.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_SLOW = "rfc3987_syntax"
_ASKS = "jsonschema"
_importing = threading.Lock()


def load_nbformat() -> Any:
    """The module nbformat, imported if it was not.

    The parsers of addresses that this leaves out are built when jsonschema first checks an address, here or anywhere.
    """
    if "nbformat" not in sys.modules:
        with _importing, _deferred():
            importlib.import_module(_ASKS)
    return importlib.import_module("nbformat")


@contextmanager
def _deferred() -> Iterator[None]:
    """While this lasts a module stands in for the slow one; whatever is asked of that one imports it."""
    if _ASKS in sys.modules or _SLOW in sys.modules:
        yield
        return
    stand_in = _StandIn(_SLOW)
    sys.modules[_SLOW] = stand_in
    try:
        yield
    finally:
        stand_in.step_aside()


class _StandIn(ModuleType):
    def is_valid_syntax(self, term: str, value: str) -> bool:
        valid: bool = self.load().is_valid_syntax(term, value)
        return valid

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # an import statement asks whether it is a package
            raise AttributeError(name)
        return getattr(self.load(), name)

    def load(self) -> ModuleType:
        self.step_aside()
        return importlib.import_module(_SLOW)

    def step_aside(self) -> None:
        if sys.modules.get(_SLOW) is self:
            del sys.modules[_SLOW]
