"""The application, the kernel and the streams of an IPython kernel that is forked from what the zygote has prepared."""

from __future__ import annotations

import os
from typing import Any

from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

from nbpart.run.kernels.random_state import PreloadedGenerators
from nbpart.run.kernels.shell_for_imports import ShellForImports
from nbpart.run.kernels.streams import DrainedStream, RunStream

#: What the zygote has prepared for its kernels, of which each has a copy.
shell_for_imports = ShellForImports()
generators = PreloadedGenerators()


def make_stream(session: Any, thread: Any, name: str, **options: Any) -> Any:
    """The standard stream of a kernel that a command line describes."""
    return shell_for_imports.make_stream(DrainedStream, session, thread, name, **options)


def make_run_stream(session: Any, thread: Any, name: str, **options: Any) -> Any:
    """The standard stream of a kernel that was adopted."""
    return shell_for_imports.make_stream(RunStream, session, thread, name, **options)


# libraries look at the class of a stream by its name, as click does to know whether colours are shown
for _kind in (DrainedStream, RunStream):
    _kind.__module__, _kind.__name__, _kind.__qualname__ = (
        OutStream.__module__,
        OutStream.__name__,
        OutStream.__qualname__,
    )


#: By these names an application finds its streams.
STREAM, RUN_STREAM = f"{__name__}.{make_stream.__name__}", f"{__name__}.{make_run_stream.__name__}"


class ForkedShell:
    """Stands for the class of a forked kernel's shell: the shell object of the zygote becomes that of the kernel."""

    instance = staticmethod(shell_for_imports.make_shell)


class ForkedIPythonKernel(IPythonKernel):
    """IPython's kernel, which leaves it to the zygote to end its children: by itself it takes up to 29 s for that."""

    shell_class: Any = ForkedShell

    async def _progressively_terminate_all_children(self) -> None:
        return


class ForkedApp(IPKernelApp):
    """A kernel that ends with the zygote, and so does not watch its parent itself."""

    shell: Any
    kernel_class: Any = ForkedIPythonKernel

    def init_poller(self) -> None:
        return


# its log and its errors are signed with the name
ForkedApp.__name__ = IPKernelApp.__name__


def find_parent() -> int:
    """The parent as a kernel's option names it; without one it announces itself to a person at a terminal."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    return int(parent) if parent.isdigit() else os.getppid()
