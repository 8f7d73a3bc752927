"""Cells as a kernel executes them: an IPython shell in this process, with a module ``__main__`` of its own."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from nbpart.errors import NbpartError


class FakeAsset:
    """What ``nbpart.asset`` makes, as far as carrying looks at it."""

    __module__ = "nbpart.assets.asset"

    def __init__(self, function: Any, name: str = "") -> None:
        self.function, self.name = function, name or getattr(function, "__name__", "notebook")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


class Shell:
    """Executes cells in a fresh namespace and gives their variables."""

    def __init__(self) -> None:
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance()
        self.shell.reset(new_session=True)

    def run(self, cell: str) -> Shell:
        result = self.shell.run_cell(cell, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise error if isinstance(error, NbpartError) else AssertionError(f"{cell}\n{error!r}")
        return self

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]


def run_source(source: str, **given: Any) -> dict[str, Any]:
    """The namespace that a source leaves, with nothing in it before but what is given."""
    namespace: dict[str, Any] = {"__name__": "__main__", **given}
    exec(compile(source, "<carried>", "exec", dont_inherit=True), namespace)  # noqa: S102
    return namespace
