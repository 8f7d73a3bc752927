"""The kernel `Python (nbpart, pre-warmed)`, which plain papermill, JupyterLab and every Jupyter client can start."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nbpart.errors import DeclarationError
from nbpart.run.kernels.provisioner import NAME

DISPLAY_NAME = "Python (nbpart, pre-warmed)"


def make_kernelspec(preload: Sequence[str] = ()) -> dict[str, object]:
    """The content of the kernel's `kernel.json`: this interpreter, forked where that can be done."""
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "python",
        "metadata": {
            "debugger": True,
            "kernel_provisioner": {"provisioner_name": NAME, "config": {"preload": list(preload)}},
        },
    }


def install_kernelspec(
    name: str = "nbpart", *, user: bool = True, prefix: str | None = None, preload: Sequence[str] = ()
) -> Path:
    """Install the pre-warmed kernel under a name, replacing what has it, and return its folder.

    user: for this user in every environment; otherwise into `prefix`, or for the whole system. preload: modules that
    its kernels find imported, beside those that nbpart needs. nbpart must be installed where the client (JupyterLab,
    papermill) is. Raises DeclarationError for a name that cannot be one, OSError where it cannot be written.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(make_kernelspec(preload), indent=1, ensure_ascii=False)
        Path(folder, "kernel.json").write_text(text, "utf-8")
        try:
            installed = KernelSpecManager().install_kernel_spec(
                folder, name, user=user and prefix is None, prefix=prefix
            )
        except ValueError as error:
            raise DeclarationError(f"{name!r} cannot name a kernel; use letters, digits, '.', '-' and '_'.") from error
    return Path(installed)


def find_prewarmed() -> tuple[str, str] | None:
    """Name and display name of the pre-warmed kernel of this interpreter that is installed; None without one."""
    from jupyter_client.kernelspec import KernelSpecManager

    for name, found in sorted(KernelSpecManager().get_all_specs().items()):
        spec = found["spec"]
        provisioner = (spec.get("metadata") or {}).get("kernel_provisioner") or {}
        if provisioner.get("provisioner_name") == NAME and spec.get("argv", [""])[0] == sys.executable:
            return name, str(spec.get("display_name") or name)
    return None


def remove_kernelspec(name: str = "nbpart") -> bool:
    """Remove the kernel of that name; whether there was one."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().remove_kernel_spec(name)
    except (KeyError, NoSuchKernel):
        return False
    return True
