"""Forking the kernel of one run, which executes it in its own process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from nbpart.run.environment_writes import ANY
from nbpart.run.kernels.forked_kernel import ForkedKernel, ZygoteGoneError
from nbpart.run.kernels.imports import Imports
from nbpart.run.kernels.provisioner import NAME, PrewarmedProvisioner, is_ipython_command
from nbpart.run.kernels.zygotes import Zygote, is_supported, shared
from nbpart.run.secrets import pass_secrets

#: How long what was read of a kernel's specification holds, in seconds: runs that follow each other read it once.
_SPEC_HOLDS_S = 2.0
_specs: dict[str, tuple[float, Any]] = {}


def find_kernel_spec(name: str) -> Any:
    """The specification of a kernel as Jupyter finds it. Raises NoSuchKernel."""
    at, spec = _specs.get(name, (0.0, None))
    if spec is None or time.monotonic() > at + _SPEC_HOLDS_S:
        spec = KernelSpecManager().get_kernel_spec(name)
        _specs[name] = time.monotonic(), spec
    return spec


def find_forkable(name: str) -> Any:
    """The specification of a kernel where it can be forked, else None."""
    try:
        spec = find_kernel_spec(name)
    except NoSuchKernel:
        return None
    return spec if can_fork(spec) else None


def can_fork(kernel_spec: Any) -> bool:
    """Whether a fork of this interpreter's zygote is the kernel that the specification describes."""
    python = kernel_spec.argv[0]
    names = ("python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    is_own = python in names or os.path.abspath(python) == os.path.abspath(sys.executable)
    rest = [part for part in kernel_spec.argv[1:] if part != "-Xfrozen_modules=off"]
    provisioner = kernel_spec.metadata.get("kernel_provisioner", {}).get("provisioner_name", "local-provisioner")
    return (
        is_supported()
        and is_own
        and is_ipython_command(kernel_spec.argv)
        and rest[2:] == ["-f", "{connection_file}"]
        and provisioner in ("local-provisioner", NAME)
    )


def fork_kernel(
    kernel_spec: Any,
    environment: Mapping[str, str],
    folder: str,
    startup: Sequence[str],
    imports: Imports,
    task: Mapping[str, Any],
    descriptors: Mapping[str, int],
    secrets: bytes = b"",
) -> ForkedKernel:
    """A kernel that does a task (see `Zygote.run_kernel`), with exactly this environment; it is not ready yet.

    Where its code sets variables of the environment itself it has imported nothing that has read them. Blocks while a
    zygote starts. Raises PrewarmError where none can be forked.
    """
    config = kernel_spec.metadata.get("kernel_provisioner", {}).get("config", {})
    provisioner = PrewarmedProvisioner(kernel_id="", kernel_spec=kernel_spec, **config)
    prepared = provisioner.prepare_environment(environment)
    preload = [*provisioner.preload, *imports.preload]
    with pass_secrets(secrets) as pipes:
        given = {**descriptors, **({"secrets": pipes[0]} if pipes else {})}
        zygote = _get_zygote(preload, imports, prepared)
        try:
            return zygote.run_kernel(prepared, folder, startup, task, given)
        except ZygoteGoneError:  # killed this moment
            shared.forget(zygote)
            return _get_zygote(preload, imports, prepared).run_kernel(prepared, folder, startup, task, given)


def _get_zygote(preload: Sequence[str], imports: Imports, environment: Mapping[str, str]) -> Zygote:
    if ANY not in imports.variables:
        zygote = shared.get(sys.executable, preload, environment)
        if not any(zygote.reads.covers(name) for name in imports.variables):
            return zygote
    return shared.get(sys.executable, None, environment)
