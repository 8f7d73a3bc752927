"""A forked child of the zygote, from its first moment to its end: it becomes an IPython kernel."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from ipykernel.kernelapp import IPKernelApp

from nbpart.run.kernels import processes, wire
from nbpart.run.kernels.forked_app import STREAM, ForkedApp, find_parent, generators, shell_for_imports
from nbpart.run.kernels.inheritance import Inheritance
from nbpart.run.kernels.processes import GUARDIAN_VARIABLE
from nbpart.run.kernels.run_app import RunApp
from nbpart.run.kernels.shell_for_imports import keep_log_handlers, launcher_path
from nbpart.run.kernels.streams import DrainedStream
from nbpart.run.modules import MARK_VARIABLE
from nbpart.run.secrets import receive_secrets

#: How long a kernel that ends waits for a thread that may be stuck, in seconds.
_JOIN_LIMIT_S = 1.0
#: At a kernel's end: how long its threads are waited for, its children are left alone, and its exit may take.
_THREADS_LIMIT_S, _CHILDREN_LIMIT_S, _EXIT_LIMIT_S = 0.5, 1.0, 2.5


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


def run_started(prepared: RunApp, conn: socket.socket, message: dict[str, Any], streams: list[int]) -> None:
    """Run the kernel that a command line describes; never returns."""

    def work() -> None:
        prepared.forget()
        generators.renew()
        _use_streams(streams)
        take_over_settings(message)
        argv = message["argv"]
        arguments = argv[argv.index("-m") + 2 :]
        _show_arguments(arguments)
        with keep_log_handlers():
            app: Any = ForkedApp.instance(outstream_class=STREAM, parent_handle=find_parent())
            app.initialize(arguments)
        atexit.register(_end_output, app)
        _send_ready(conn)
        app.start()

    _run_to_end(work, lambda reason: _send(conn, {"error": reason}))


def run_adopted(app: RunApp, private: socket.socket, folder: str) -> None:
    """Run a spare kernel, which waits to be adopted by a run; never returns.

    app: what the zygote made. folder: where its sockets would be, if somebody asks for them.
    """
    last: list[Callable[[], object]] = []

    def work() -> None:
        console = os.memfd_create("console")
        _use_streams([os.open(os.devnull, os.O_RDONLY), console, console], keep=console)
        file = os.path.join(folder, "kernel.json")
        _show_arguments(["-f", file])
        app.begin(file)
        message, conn, descriptors = _await_adoption(private)
        given = dict(zip(message["descriptors"], descriptors, strict=True))
        try:
            if "secrets" in given:
                receive_secrets(given.pop("secrets"))
            take_over_settings(message)
            processes.write_environment_block(MARK_VARIABLE, os.environ.get(MARK_VARIABLE, ""))
            generators.renew()
            app.adopt(message["startup"])
        except BaseException as error:
            _send(conn, {"error": _describe(error)})
            raise
        _send_ready(conn, console, *app.pipes)
        os.close(console)
        module, _, name = message["task"]["entry"].partition(":")
        run = getattr(importlib.import_module(module), name)(app, folder, message["task"], given)
        last.append(run.finish)
        if run.execute():
            app.start()  # type: ignore[no-untyped-call]

    def report_failure(reason: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # it was adopted before, and has reported already
            _send(_await_adoption(private)[1], {"error": reason})

    _run_to_end(work, report_failure, last)


def _show_arguments(arguments: Sequence[str]) -> None:
    """Let Python know the command line that a stock kernel would have been started with."""
    sys.argv[:] = [launcher_path(), *arguments]
    sys.orig_argv[:] = [sys.executable, "-m", "ipykernel_launcher", *arguments]


def _await_adoption(private: socket.socket) -> tuple[dict[str, Any], socket.socket, list[int]]:
    message, descriptors = wire.receive(private, wire.MOST_DESCRIPTORS)
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
    environment = {**shell_for_imports.set_variables(message["env"]), **own}
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    # one by one, and only what differs: each costs a copy of what the process shares with the zygote
    os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})
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


def _run_to_end(
    work: Callable[[], None], report_failure: Callable[[str], None], last: Sequence[Callable[[], object]] = ()
) -> None:
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
        _exit_in_order(code, last)


def _exit_in_order(code: int, last: Sequence[Callable[[], object]]) -> None:
    """Exit as the interpreter does, without tearing down modules, which takes longer than all the rest.

    Non-daemon threads get `_THREADS_LIMIT_S`, exit functions `_EXIT_LIMIT_S`; children that delay them are ended.
    Whatever runs after that ends with the process; the zygote ends the processes that it started. `last` is called
    behind all of it.
    """
    # a library (nanobind) would empty these caches at the exit; their memory goes with the process
    sys.modules["typing"]._cleanups.clear()
    left = threading.Event()
    threading.Thread(target=_exit_after_limit, args=(code, left, last), daemon=True).start()
    join_threads: Callable[[], None] = threading._shutdown  # type: ignore[attr-defined]
    if any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate()):
        joining = threading.Thread(target=_quietly, args=(join_threads,), daemon=True)
        joining.start()
        joining.join(_THREADS_LIMIT_S)
    else:
        _quietly(join_threads)
    steps: list[Callable[[], object]] = [atexit._run_exitfuncs, gc.collect, *last]
    for step in steps:
        _quietly(step)
    left.set()
    _exit(code)


def _exit_after_limit(code: int, left: threading.Event, last: Sequence[Callable[[], object]]) -> None:
    if left.wait(_CHILDREN_LIMIT_S):
        return
    # something may be joining a child
    processes.send(signal.SIGKILL, processes.descendants_of(os.getpid()))
    if left.wait(_EXIT_LIMIT_S - _CHILDREN_LIMIT_S):
        return
    if IPKernelApp.initialized():
        # a reader that takes nothing any more is not waited for
        for step in last or [lambda: _end_output(IPKernelApp.instance())]:
            ending = threading.Thread(target=_quietly, args=(step,), daemon=True)
            ending.start()
            ending.join(_JOIN_LIMIT_S)
    _exit(code)


def _quietly(step: Callable[[], object]) -> None:
    with contextlib.suppress(BaseException):
        step()


def _exit(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        _quietly(stream.flush)
    processes.load_libc().fflush(None)
    os._exit(code)
