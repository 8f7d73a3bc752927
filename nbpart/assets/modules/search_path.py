"""The folders in which users' own modules are found: those that are neither installed packages nor Python's own."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

_INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class SearchPath:
    """Folders that are searched for modules, beside the folder of the code that imports them.

    ``early`` are searched before what is Python's own or installed, ``late`` after it.
    """

    early: tuple[Path, ...] = ()
    late: tuple[Path, ...] = ()

    def hides(self, top: str) -> bool:
        """Whether a module of that name is found in Python or among what is installed before the late folders."""
        return top in sys.stdlib_module_names or PathFinder.find_spec(top, _installed_folders()) is not None


NOWHERE = SearchPath()


def path_of_notebooks(environ: Mapping[str, str] = os.environ) -> SearchPath:
    """The search path of a new kernel: ``PYTHONPATH``, and packages installed in place (``pip install -e``)."""
    early = [Path(entry) for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return SearchPath(_own(early), _own([*_linked_folders(), *_mapped_folders()]))


def path_of_process(entries: Sequence[str] | None = None) -> SearchPath:
    """The search path of this process, with what its code put on ``sys.path``; ``entries`` replace ``sys.path``."""
    found = [Path(entry or os.curdir) for entry in (sys.path if entries is None else entries)]
    place = next((n for n, entry in enumerate(found) if is_installed(entry)), len(found))
    return SearchPath(_own(found[:place]), _own([*found[place:], *_mapped_folders()]))


def is_installed(folder: Path) -> bool:
    """Whether a folder belongs to Python or to installed packages, so that its modules are not the user's."""
    resolved = folder.resolve()
    if _INSTALLED & set(resolved.parts) or resolved.suffix == ".zip":
        return True
    return any(resolved.is_relative_to(place) for place in _python_folders())


def _own(folders: Iterable[Path]) -> tuple[Path, ...]:
    resolved = dict.fromkeys(folder.absolute().resolve() for folder in folders)
    return tuple(f for f in resolved if f.is_dir() and not is_installed(f) and f.name != ".ipython")


@cache
def _python_folders() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple(dict.fromkeys(Path(path).resolve() for key, path in sysconfig.get_paths().items() if key in names))


@cache
def _installed_folders() -> list[str]:
    folders = [*site.getsitepackages(), site.getusersitepackages(), sysconfig.get_path("purelib")]
    return list(dict.fromkeys(folder for folder in folders if Path(folder).is_dir()))


@cache
def _linked_folders() -> tuple[Path, ...]:
    """The folders that ``.pth`` files name, as `pip install -e` writes them."""
    found: list[Path] = []
    for folder in _installed_folders():
        for file in sorted(Path(folder).glob("*.pth")):
            try:
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                continue
            named = (line.strip() for line in lines if not line.startswith(("import", "#")))
            found += [Path(folder, line) for line in named if line]
    return tuple(dict.fromkeys(found))


def _mapped_folders() -> Iterator[Path]:
    """The folders of packages that a finder of setuptools maps, the other way in which it installs in place."""
    for finder in sys.meta_path:
        mapping = getattr(sys.modules.get(getattr(finder, "__module__", "")), "MAPPING", None)
        for name, place in mapping.items() if isinstance(mapping, dict) else ():
            if isinstance(place, str) and Path(place).stem == name.rpartition(".")[2]:
                above = Path(place)
                for _ in name.split("."):
                    above = above.parent
                yield above
