"""The kernel provisioner `nbpart-provisioner`: Jupyter's door to forked kernels."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import List, Unicode

from nbpart.run.kernels.forked_kernel import ForkedKernel, PrewarmError
from nbpart.run.kernels.waiting import call_in_thread, wait_end, wait_readable
from nbpart.run.kernels.zygotes import Zygote, is_supported, shared

NAME = "nbpart-provisioner"
_READY_LIMIT_S = 60.0

#: What a caller may say of a kernel's start that a fork can do as well.
_FORKED_OPTIONS = {"env", "cwd", "stdout", "stderr", "extra_arguments", "kernel_id"}

_logger = logging.getLogger("nbpart.run.kernels")


class PrewarmedProvisioner(LocalProvisioner):
    """Starts IPython kernels by forking them from a process that has imported what they need.

    Where that cannot be done it starts them as Jupyter itself does, and a warning in its log says why. `preload`, in
    the configuration of the kernelspec's `kernel_provisioner`, names more modules to import ahead.
    """

    preload = List(Unicode(), config=True)
    process: Any

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        # what inherits a descriptor has to be started by who holds it; the other options are for a real start
        is_plain = all(name in _FORKED_OPTIONS or not value for name, value in kwargs.items())
        if is_supported() and is_ipython_command(cmd) and is_plain:
            try:
                return await self._fork(cmd, **kwargs)
            except PrewarmError as error:
                _logger.warning("a kernel is started in the ordinary way, as none could be forked: %s", error)
        return await super().launch_kernel(cmd, **kwargs)

    async def _fork(self, cmd: list[str], **kwargs: Any) -> Any:
        environment = dict(kwargs.get("env") or os.environ)
        zygote = await find_zygote(cmd[0], self.preload, environment)
        folder = str(kwargs.get("cwd") or os.getcwd())
        with open(os.devnull) as nothing:
            streams = [nothing.fileno(), _descriptor(kwargs.get("stdout"), 1), _descriptor(kwargs.get("stderr"), 2)]
            kernel = zygote.start_kernel(cmd, environment, folder, streams)
        await self._take(kernel)
        self.cwd = kwargs.get("cwd") or Path.cwd()
        return self.connection_info

    def prepare_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment of a kernel with what its specification says of it."""
        # past what LocalProvisioner adds: the command line and the connection file of a kernel that is to be started
        preparing = KernelProvisionerBase.pre_launch(self, env=dict(environment))
        try:
            preparing.send(None)
        except StopIteration as done:
            prepared: dict[str, str] = done.value["env"]
            return prepared
        raise RuntimeError("jupyter_client waits for something before a kernel starts")

    async def _take(self, kernel: ForkedKernel) -> None:
        try:
            if not await wait_readable(kernel.fileno(), _READY_LIMIT_S):
                raise PrewarmError(f"a forked kernel was not ready within {_READY_LIMIT_S:g} s")
            kernel.take_ready()
        except BaseException:
            kernel.close()
            raise
        self.process = kernel
        self.pid = self.pgid = kernel.pid

    async def wait(self) -> int | None:
        if self.process is not None:
            await wait_end(self.process, None)
        code: int | None = await super().wait()
        return code


async def find_zygote(python: str, preload: Sequence[str] | None, environment: Mapping[str, str]) -> Zygote:
    """The zygote for these, a bare one for None; the loop goes on while it starts."""
    zygote = shared.find(python, preload, environment)
    if zygote is None:
        zygote = await call_in_thread(shared.get, python, preload, environment)
    return zygote


def is_ipython_command(argv: Sequence[str]) -> bool:
    """Whether a command line starts ipykernel in Python, without options that a fork could not have."""
    rest = [part for part in argv[1:] if part != "-Xfrozen_modules=off"]
    return rest[:2] in (["-m", "ipykernel_launcher"], ["-m", "ipykernel"])


def _descriptor(stream: Any, default: int) -> int:
    if stream is None or (isinstance(stream, int) and stream < 0):
        return default
    return stream if isinstance(stream, int) else int(stream.fileno())
