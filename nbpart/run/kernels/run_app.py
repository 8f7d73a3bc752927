"""A kernel for one run, which nobody talks to: its cells are executed in its own process, and it opens no socket."""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import new_id, new_id_bytes

from nbpart.run.kernels.error_report import install as install_report
from nbpart.run.kernels.forked_app import RUN_STREAM, ForkedApp, ForkedIPythonKernel, find_parent
from nbpart.run.kernels.local_output import LocalMessage, LocalSession, OutputThread
from nbpart.run.kernels.lossless_output import keep_no_output, make_thread_lossless
from nbpart.run.kernels.shell_for_imports import keep_log_handlers
from nbpart.run.kernels.streams import DrainedStream, RunStream


class RunIPythonKernel(ForkedIPythonKernel):
    """A kernel without clients, whose cells are executed by `execute` in the main thread."""

    def __init__(self, **options: Any) -> None:
        if hasattr(type(self), "shell_channel_thread"):
            # it only says which thread executes cells
            options["shell_channel_thread"] = SimpleNamespace(parent_thread=threading.main_thread())
        # nobody is to be waited for
        super().__init__(**options, _execute_sleep=0.0)  # type: ignore[no-untyped-call]

    async def execute(
        self, code: str, on_request: Callable[[str], None], *, stop_on_error: bool = True
    ) -> dict[str, Any]:
        """Execute a cell as a request for it would be; the content of the reply. Its messages were handed on by then.

        on_request: called with the id of the request, which its messages name, before the first of them.
        """
        session: Any = self.session
        request = session.msg(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": stop_on_error,
            },
        )
        request["buffers"] = []
        on_request(request["header"]["msg_id"])
        return await self._handle(self.execute_request, request)

    def _abort_queues(self, *args: Any) -> None:
        pass  # no request waits

    async def handle_comm(self, message: dict[str, Any]) -> None:
        """Take in what a widget of a client sends."""
        await self._handle(self.shell_handlers[message["header"]["msg_type"]], message)

    async def _handle(self, handler: Any, request: dict[str, Any]) -> dict[str, Any]:
        session: Any = self.session
        session.reply = None
        self.set_parent([], request, channel="shell")  # type: ignore[no-untyped-call]
        self._publish_status("busy", "shell")  # type: ignore[no-untyped-call]
        self.pre_handler_hook()  # type: ignore[no-untyped-call]
        try:
            result = handler(session.REPLIES, [], request)
            if inspect.isawaitable(result):
                await result
        except KeyboardInterrupt:
            self.log.error("KeyboardInterrupt caught in kernel.")
        finally:
            self.post_handler_hook()  # type: ignore[no-untyped-call]
        sys.stdout.flush()
        sys.stderr.flush()
        self._publish_status("idle", "shell")  # type: ignore[no-untyped-call]
        self.iopub_thread.wait_turn()
        return {} if session.reply is None else dict(session.reply.content)


class RunApp(ForkedApp):
    """A kernel for one run; it opens no socket unless `open_sockets` is called.

    It is made in the zygote, where nothing is known of a run, without a thread and without streams. In a fork `begin`
    gives it both, and `adopt` what depends on the run. What it sends goes to the function `deliver`, in the thread of
    its output.
    """

    kernel_class: Any = RunIPythonKernel
    is_begun = is_adopted = is_open = False
    startup: Sequence[str] = ()
    deliver: Callable[[LocalMessage], None] = staticmethod(lambda message: None)

    @classmethod
    def make(cls) -> RunApp:
        """In the zygote, once."""
        with keep_log_handlers():
            app: RunApp = cls.instance(outstream_class=RUN_STREAM, parent_handle=1)
            app.initialize(["-f", "kernel.json", "--HistoryManager.enabled=False"])  # type: ignore[no-untyped-call]
        keep_no_output(app.shell)
        install_report(app.shell)
        if "StoreMagics" not in app.config:  # it may be told to restore what was stored, which is each run's own affair
            for name in app.default_extensions:
                app.shell.extension_manager.load_extension(name)
        app.shell._sys_modules_keys = set(sys.modules)
        return app

    def forget(self) -> None:
        """In a fork that becomes another kernel."""
        for kind in (type(self), type(self.kernel)):
            kind.clear_instance()

    def begin(self, file: str) -> None:
        """In a fork: become a process of its own. file: the connection file that there would be."""
        self.connection_file, self.parent_handle = file, find_parent()
        session: Any = self.session
        session.pid, session.key, session.session = os.getpid(), new_id_bytes(), new_id()
        self.kernel.ident = str(uuid.uuid4())
        self.is_begun = True
        self.iopub_thread.begin()
        with keep_log_handlers():
            self.configure_tornado_logger()  # type: ignore[no-untyped-call]
            self.init_io()
        self.displayhook.get_execution_count = lambda: self.kernel.execution_count
        self.init_signal()  # type: ignore[no-untyped-call]

    def init_connection_file(self) -> None:
        pass

    def init_sockets(self) -> None:
        session = LocalSession(parent=self, username=self.session.username, key=self.session.key)
        self.session = session
        session.output = self.iopub_thread = OutputThread(lambda message: self.deliver(message))
        self.iopub_socket = self.iopub_thread.background_socket

    def init_heartbeat(self) -> None:
        pass

    def write_connection_file(self, **kwargs: Any) -> None:
        if self.is_open:
            super().write_connection_file(**kwargs)

    def log_connection_info(self) -> None:
        self._ports: dict[str, int] = {}

    def init_io(self) -> None:
        if not self.is_begun:
            return
        super().init_io()  # type: ignore[no-untyped-call]
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, DrainedStream) and stream._should_watch:
                # the log shares the descriptor, and closes it when it is configured anew
                stream._original_stdstream_copy = os.dup(stream._original_stdstream_copy)

    def init_kernel(self) -> None:
        self.kernel = self.kernel_class.instance(
            parent=self,
            session=self.session,
            iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket,
            log=self.log,
            profile_dir=self.profile_dir,
            user_ns=self.user_ns,
        )

    def init_gui_pylab(self) -> None:
        if self.is_adopted:
            super().init_gui_pylab()  # type: ignore[no-untyped-call]

    def init_extensions(self) -> None:
        if self.is_adopted:
            super().init_extensions()  # type: ignore[no-untyped-call]

    def init_code(self) -> None:
        """As IPython's own, which also lists all modules anew; that alone took longer than a short run."""
        if not self.is_adopted:
            return
        count = len(sys.modules)
        self._run_startup_files()  # type: ignore[no-untyped-call]
        for line in self.startup:
            self._execute_line(line)
        self._run_exec_lines()  # type: ignore[no-untyped-call]
        self._run_exec_files()  # type: ignore[no-untyped-call]
        if self.hide_initial_ns:
            self.shell.user_ns_hidden.update(self.shell.user_ns)
        if len(sys.modules) != count:
            self.shell._sys_modules_keys = set(sys.modules)

    def _execute_line(self, line: str) -> None:
        """As IPython executes lines that it is started with, but not as a cell, which takes as long as one."""
        try:
            exec(line, {})  # noqa: S102 - it is ours
        except Exception:  # noqa: BLE001 - shown, as of any line that a kernel starts with
            self.shell.showtraceback()

    def adopt(self, startup: Sequence[str]) -> None:
        self.is_adopted, self.startup = True, startup
        self.shell.init_environment()
        self.init_gui_pylab()
        self.init_extensions()
        self.init_code()
        self.shell.user_ns["_dh"][:] = [Path.cwd()]
        sys.stdout.flush()
        sys.stderr.flush()

    @property
    def pipes(self) -> list[int]:
        """What its processes write to standard output and error goes through these."""
        return [stream.pipe for stream in (sys.stdout, sys.stderr) if isinstance(stream, RunStream)]

    def flush_output(self) -> None:
        """Return when all that was printed was handed on."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # somebody put another stream there, or closed it
                stream.flush()
            if isinstance(stream, RunStream):
                stream.wait_sent()
        self.iopub_thread.wait_turn()

    def open_sockets(self, folder: str) -> None:
        """Become a kernel that clients connect to, with all that it holds; its files are in the folder."""
        self.is_open = True
        os.mkdir(folder, 0o700)
        output = self.iopub_thread
        self.transport, self.ip = "ipc", os.path.join(folder, "k")
        self.connection_file = os.path.join(folder, "kernel.json")
        self.context = None
        IPKernelApp.init_sockets(self)  # type: ignore[no-untyped-call]
        make_thread_lossless(self.iopub_thread)
        IPKernelApp.init_heartbeat(self)  # type: ignore[no-untyped-call]
        self.write_connection_file()
        IPKernelApp.log_connection_info(self)  # type: ignore[no-untyped-call]
        self.session.output = None
        output.stop()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, RunStream):
                stream.move(self.iopub_thread)
        self.kernel_class = _Rewired(self.kernel)
        IPKernelApp.init_kernel(self)  # type: ignore[no-untyped-call]
        self.displayhook.pub_socket = self.iopub_socket
        for publisher in (self.shell.displayhook, self.shell.display_pub):
            publisher.pub_socket = self.iopub_socket


class _Rewired:
    """Stands for the class of a kernel that is there: what it would be made with is set."""

    _NAMES = (
        "control_stream", "debugpy_stream", "debug_shell_socket", "shell_stream", "control_thread",
        "shell_channel_thread", "iopub_thread", "iopub_socket", "stdin_socket",
    )  # fmt: skip

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def instance(self, **options: Any) -> Any:
        kernel = self._kernel
        for name in self._NAMES:
            if name in options:
                setattr(kernel, name, options[name])
        if (debugger := getattr(kernel, "debugger", None)) is not None:
            debugger.debugpy_client.debugpy_stream = kernel.debugpy_stream
            debugger.shell_socket = kernel.debug_shell_socket
        return kernel


# its log and its errors are signed with the name
RunApp.__name__ = IPKernelApp.__name__
