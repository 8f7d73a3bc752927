"""Which kernels are installed here."""

from __future__ import annotations

from collections.abc import Iterable

#: Jupyter finds it without a specification, wherever ipykernel is.
NATIVE = "python3"


def find_missing(names: Iterable[str]) -> frozenset[str]:
    """Those of the names for which there is no kernel specification that a run could start."""
    other_names = {name for name in names if name and name != NATIVE}
    if not other_names:
        return frozenset()
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager, missing = KernelSpecManager(), set()
    for name in other_names:
        try:
            manager.get_kernel_spec(name)
        except NoSuchKernel:
            missing.add(name)
    return frozenset(missing)
