"""A forked child of the zygote, from its first moment to its end: it becomes an IPython kernel."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

from nbpart.run.kernels import processes, wire
from nbpart.run.kernels.error_report import install as install_report
from nbpart.run.kernels.inheritance import Inheritance
from nbpart.run.kernels.lossless_output import keep_no_output, make_thread_lossless
from nbpart.run.kernels.processes import GUARDIAN_VARIABLE
from nbpart.run.kernels.random_state import PreloadedGenerators
from nbpart.run.kernels.shell_for_imports import ShellForImports, keep_log_handlers, launcher_path
from nbpart.run.kernels.streams import DrainedStream, RunStream
from nbpart.run.modules import MARK_VARIABLE
from nbpart.run.secrets import receive_secrets

#: How long a kernel that ends waits for a thread that may be stuck, in seconds.
_JOIN_LIMIT_S = 1.0
#: At a kernel's end: how long its threads are waited for, its children are left alone, and its exit may take.
_THREADS_LIMIT_S, _CHILDREN_LIMIT_S, _EXIT_LIMIT_S = 0.5, 1.0, 2.5
#: So many messages wait for a reader before the kernel waits for it too: few, so that little is lost if it is killed.
_MOST_UNREAD = 32
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


class AdoptedApp(ForkedApp):
    """A kernel that is prepared before its run is known; what depends on the run is done by `adopt`."""

    is_adopted = False

    def _bind_socket(self, s: Any, port: int) -> Any:
        if s is self.iopub_socket:
            s.sndhwm = _MOST_UNREAD
            s.linger = int(_EXIT_LIMIT_S * 1000)
        return super()._bind_socket(s, port)  # type: ignore[no-untyped-call]

    def init_iopub(self, context: Any) -> None:
        super().init_iopub(context)  # type: ignore[no-untyped-call]
        make_thread_lossless(self.iopub_thread)

    def init_io(self) -> None:
        super().init_io()  # type: ignore[no-untyped-call]
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, DrainedStream) and stream._should_watch:
                # the log shares the descriptor, and closes it when it is configured anew
                stream._original_stdstream_copy = os.dup(stream._original_stdstream_copy)

    def init_gui_pylab(self) -> None:
        if self.is_adopted:
            super().init_gui_pylab()  # type: ignore[no-untyped-call]

    def init_extensions(self) -> None:
        if self.is_adopted:
            super().init_extensions()  # type: ignore[no-untyped-call]

    def init_code(self) -> None:
        if self.is_adopted:
            super().init_code()  # type: ignore[no-untyped-call]

    def adopt(self, startup: list[str]) -> None:
        self.is_adopted = True
        self.exec_lines = startup + list(self.exec_lines)
        self.shell.init_environment()
        install_report(self.shell)
        self.init_gui_pylab()
        self.init_extensions()
        self.init_code()
        self.shell.user_ns["_dh"][:] = [Path.cwd()]
        sys.stdout.flush()
        sys.stderr.flush()


# its log and its errors are signed with the name
for _app in (ForkedApp, AdoptedApp):
    _app.__name__ = IPKernelApp.__name__


def set_up_process(zygote: int, guardian: str) -> None:
    """Give this forked process its own session, signals, random numbers and mark, and let it die with the zygote."""
    os.setsid()
    processes.die_with_parent(zygote)
    os.environ[GUARDIAN_VARIABLE] = f"{guardian}/{os.getpid()}"
    processes.write_environment_block(GUARDIAN_VARIABLE, os.environ[GUARDIAN_VARIABLE])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.enable()
    generators.renew()


def run_started(conn: socket.socket, message: dict[str, Any], streams: list[int]) -> None:
    """Run the kernel that a command line describes; never returns."""

    def work() -> None:
        _use_streams(streams)
        take_over_settings(message)
        argv = message["argv"]
        arguments = argv[argv.index("-m") + 2 :]
        _show_arguments(arguments)
        with keep_log_handlers():
            app: Any = ForkedApp.instance(outstream_class=f"{__name__}.make_stream", parent_handle=_parent())
            app.initialize(arguments)
        atexit.register(_end_output, app)
        _send_ready(conn)
        app.start()

    _run_to_end(work, lambda reason: _send(conn, {"error": reason}))


def run_adopted(private: socket.socket, folder: str) -> None:
    """Run a spare kernel with its files in `folder`, which waits to be adopted; never returns."""

    def work() -> None:
        console = os.memfd_create("console")
        _use_streams([os.open(os.devnull, os.O_RDONLY), console, console], keep=console)
        file = os.path.join(folder, "kernel.json")
        _show_arguments(["-f", file])
        with keep_log_handlers():
            app = _make_spare(folder, file)
        message, conn, secrets = _await_adoption(private)
        try:
            for descriptor in secrets:
                receive_secrets(descriptor)
            take_over_settings(message)
            processes.write_environment_block(MARK_VARIABLE, os.environ.get(MARK_VARIABLE, ""))
            generators.renew()
            app.adopt(message["startup"])
        except BaseException as error:
            _send(conn, {"error": _describe(error)})
            raise
        atexit.register(_end_output, app)
        _send_ready(conn, console, connection_file=file)
        os.close(console)
        app.start()

    def report_failure(reason: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # it was adopted before, and has reported already
            _send(_await_adoption(private)[1], {"error": reason})

    _run_to_end(work, report_failure)


def _make_spare(folder: str, file: str) -> Any:
    app: Any = AdoptedApp.instance(
        parent_handle=_parent(),
        outstream_class=f"{__name__}.make_run_stream",
        transport="ipc",
        ip=os.path.join(folder, "k"),
    )
    app.initialize(["-f", file, "--HistoryManager.hist_file=:memory:"])
    keep_no_output(app.shell)
    return app


def _show_arguments(arguments: Sequence[str]) -> None:
    """Let Python know the command line that a stock kernel would have been started with."""
    sys.argv[:] = [launcher_path(), *arguments]
    sys.orig_argv[:] = [sys.executable, "-m", "ipykernel_launcher", *arguments]


def _parent() -> int:
    """The parent as a kernel's option names it; without one it announces itself to a person at a terminal."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    return int(parent) if parent.isdigit() else os.getppid()


def _await_adoption(private: socket.socket) -> tuple[dict[str, Any], socket.socket, list[int]]:
    message, descriptors = wire.receive(private, 2)
    private.close()
    if message is None:
        os._exit(0)
    return message, socket.socket(fileno=descriptors[0]), descriptors[1:]


def _send(conn: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    with contextlib.suppress(OSError):  # nobody wants to know any more
        wire.send(conn, message, descriptors)
    conn.close()


def _send_ready(conn: socket.socket, *descriptors: int, **more: Any) -> None:
    own = os.pidfd_open(os.getpid())
    _send(conn, {"ready": os.getpid(), **more}, [own, *descriptors])
    os.close(own)


def _describe(error: BaseException) -> str:
    return f"a forked kernel could not be made ready: {type(error).__name__}: {error}"


def take_over_settings(message: dict[str, Any]) -> None:
    """Set what a process started by the owner would inherit: environment, working directory, limits and so on."""
    # what a kernel starts bears its mark, and what a kernel above this one may have had is not its own
    own = {name: os.environ[name] for name in (GUARDIAN_VARIABLE,) if name in os.environ}
    os.environ.clear()
    os.environ.update({**shell_for_imports.set_variables(message["env"]), **own})
    if hasattr(time, "tzset"):
        time.tzset()
    os.chdir(message["cwd"])
    Inheritance.from_json(message["inherited"]).take()


def _use_streams(streams: Sequence[int], keep: int = -1) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in {*streams} - {0, 1, 2, keep}:
        os.close(stream)
    # the objects that Python made at its start stay right: they write to the numbers


def _end_output(app: Any) -> None:
    """Send the last output and a message that it was the last, so that the reader need not wait any longer."""
    _flush_streams()
    with contextlib.suppress(Exception):
        # it may be waiting for the output thread, which the kernel stops first: each would wait 10 s for the other
        app.control_thread.stop()
        app.control_thread.join(_JOIN_LIMIT_S)
    with contextlib.suppress(Exception):
        app.session.send(app.iopub_thread, "status", {"execution_state": "dead"})
    _flush_streams()  # and so what was to be sent before


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, DrainedStream):
            stream.flush()


def _run_to_end(work: Callable[[], None], report_failure: Callable[[str], None]) -> None:
    code: int = 1
    try:
        work()
        code = 0
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
    except BaseException as error:  # noqa: BLE001 - nobody else reports it: the process ends
        traceback.print_exc(file=sys.__stderr__)
        report_failure(_describe(error))
    finally:
        _exit_in_order(code)


def _exit_in_order(code: int) -> None:
    """Exit as the interpreter does, without tearing down modules, which takes longer than all the rest.

    Non-daemon threads get `_THREADS_LIMIT_S`, exit functions `_EXIT_LIMIT_S`; children that delay them are ended.
    Whatever runs after that ends with the process; the zygote ends the processes that it started.
    """
    left = threading.Event()
    threading.Thread(target=_exit_after_limit, args=(code, left), daemon=True).start()
    join_threads: Callable[[], None] = threading._shutdown  # type: ignore[attr-defined]
    joining = threading.Thread(target=_quietly, args=(join_threads,), daemon=True)
    joining.start()
    joining.join(_THREADS_LIMIT_S)
    for step in (atexit._run_exitfuncs, gc.collect):
        _quietly(step)
    left.set()
    _exit(code)


def _exit_after_limit(code: int, left: threading.Event) -> None:
    if left.wait(_CHILDREN_LIMIT_S):
        return
    # something may be joining a child
    processes.send(signal.SIGKILL, processes.descendants_of(os.getpid()))
    if left.wait(_EXIT_LIMIT_S - _CHILDREN_LIMIT_S):
        return
    if IPKernelApp.initialized():
        # a reader that takes nothing any more is not waited for
        ending = threading.Thread(target=_quietly, args=(lambda: _end_output(IPKernelApp.instance()),), daemon=True)
        ending.start()
        ending.join(_JOIN_LIMIT_S)
    _exit(code)


def _quietly(step: Callable[[], object]) -> None:
    with contextlib.suppress(BaseException):
        step()


def _exit(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        _quietly(stream.flush)
    ctypes.CDLL(None).fflush(None)
    os._exit(code)
