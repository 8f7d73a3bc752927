"""Which environment variables a process has read while it imported modules: later values have no effect on these."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Read once, when a process starts, by Python, the C library or what each kernel imports.
_AT_START = (
    "CONDA_PREFIX", "GLIBC_TUNABLES", "HOME", "IPYTHON", "JUPYTER", "LANG", "LC_", "LD_", "MALLOC_", "PYTHON",
    "VIRTUAL_ENV", "XDG_",
)  # fmt: skip
_THREADS = ("BLIS_", "GOMP_", "GOTO_", "KMP_", "MKL_", "OMP_", "OPENBLAS_", "VECLIB_")
_CUDA = ("CUDA_", "NVIDIA_", "NCCL_")
#: What libraries read past Python, or under another name than their own, by their module.
_BY_MODULE = {
    "numpy": ("NPY_", *_THREADS),
    "scipy": _THREADS,
    "sklearn": _THREADS,
    "pyarrow": ("ARROW_", "OMP_"),
    "matplotlib": ("MPL",),
    "polars": ("RAYON_", "_RJEM_"),
    "tensorflow": ("TF_", "XLA_", "KERAS_", *_CUDA, *_THREADS),
    "torch": ("PYTORCH_", "TORCHINDUCTOR_", "GLOO_", "HIP_", "ROCR_", *_CUDA, *_THREADS),
    "jax": ("XLA_", "TF_", *_CUDA),
    "jaxlib": ("XLA_", "TF_", *_CUDA),
    "cupy": _CUDA,
    "numba": (*_CUDA, *_THREADS),
    "huggingface_hub": ("HF_", "TRANSFORMERS_", "TOKENIZERS_", "RAYON_"),
    "transformers": ("HF_", "TOKENIZERS_", "RAYON_"),
    "cv2": ("OPENCV_", *_THREADS),
    "osgeo": ("GDAL_", "PROJ_", "CPL_"),
    "rasterio": ("GDAL_", "PROJ_", "CPL_"),
    "pyproj": ("PROJ_",),
    "pyspark": ("SPARK_", "JAVA_"),
}
#: Each kernel's own, whatever was read of them before.
_OWN = ("NBPART_", "JPY_")
_OWN_NAMES = {
    "TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PAGER", "GIT_PAGER", "PYTEST_CURRENT_TEST",
    "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES", "_",
}  # fmt: skip


@dataclass
class EnvironmentReads:
    """The environment variables that were read: ``names``, and all that begin with one of ``prefixes``."""

    names: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Record the variables that Python code reads in the block, and those of libraries that it imports."""
        kind: Any = type(os.environ)
        own_getitem, own_iter = kind.__getitem__, kind.__iter__

        def getitem(environment: Any, name: str) -> str:
            caller = sys._getframe(1)
            if (caller.f_globals.get("__name__"), caller.f_code.co_name) != ("_collections_abc", "__iter__"):
                self.names.add(os.fsdecode(name))  # subprocess asks for PATH in bytes too
            value: str = own_getitem(environment, name)
            return value

        def iterate(environment: Any) -> Iterator[str]:
            # who goes through all of them looks for those that begin with its name
            module = _first_outside(sys._getframe(1))
            self.prefixes.update([_prefix(module)] if module else [])
            names: Iterator[str] = own_iter(environment)
            return names

        kind.__getitem__, kind.__iter__ = getitem, iterate
        try:
            yield
        finally:
            kind.__getitem__, kind.__iter__ = own_getitem, own_iter
            self._note_modules()

    def _note_modules(self) -> None:
        for module in {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names:
            self.prefixes.add(_prefix(module))
            self.prefixes.update(_BY_MODULE.get(module, ()))

    def covers(self, name: str) -> bool:
        """Whether this variable was read, so that another value has no effect any more."""
        if name in _OWN_NAMES or name.startswith(_OWN):
            return False
        return name in self.names or name.startswith(tuple(self.prefixes))

    def are_equal_for(self, one: Mapping[str, str], other: Mapping[str, str]) -> bool:
        """Whether two environments are equal in the variables that were read, and in those that Python reads first."""
        differing = {name for name, _ in one.items() ^ other.items()}
        return not any(name.startswith(_AT_START) or self.covers(name) for name in differing)

    def to_json(self) -> dict[str, list[str]]:
        return {"names": sorted(self.names), "prefixes": sorted(self.prefixes)}

    @classmethod
    def from_json(cls, data: Mapping[str, list[str]]) -> EnvironmentReads:
        return cls(set(data["names"]), set(data["prefixes"]))


def _first_outside(frame: Any) -> str:
    while frame is not None and frame.f_globals.get("__name__") in ("_collections_abc", "os"):
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


def _prefix(module: str) -> str:
    return module.partition(".")[0].lstrip("_").upper() + "_"
