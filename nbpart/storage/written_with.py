"""What a value in a named format was written with: the packages that its types come from, and their versions."""

from __future__ import annotations

import itertools
import json
import platform
import sys
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any

#: So many objects of a value are looked at, and so many of one container.
_MOST_SEEN, _MOST_OF_ONE = 2000, 100
_NOTEBOOK = "__main__"
_PLAIN = str | bytes | int | float | complex | None


def list_versions(value: Any, package: str) -> dict[str, str]:
    """The versions of Python, of this package, and of those that a value's types come from, as far as a look finds."""
    packages = {package, *(module.partition(".")[0] for module, _ in _find_types(value))}
    known = {name: version for name in sorted(packages) if (version := _imported_version(name))}
    return {"python": platform.python_version(), **known}


def find_own_types(value: Any) -> list[str]:
    """The names of classes and functions in a value that a notebook defines itself, as far as a look finds them."""
    return sorted({name for module, name in _find_types(value) if module == _NOTEBOOK})


def spell_versions(written_with: str | None) -> str:
    """`list_versions`, which is given as JSON, in words; "" where it is not known."""
    versions = _read_versions(written_with)
    spelled = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"written with {spelled}" if spelled else ""


def explain_failure(error: BaseException | None, written_with: str | None) -> str:
    """The end of a sentence about a file that cannot be loaded: what it was written with, and what to do.

    `written_with` is `list_versions` as JSON.
    """
    before = _read_versions(written_with)
    now = {name: _version_here(name) for name in before}
    others = [f"{name} {now[name]}" for name in before if now[name] != before[name]]
    if not before:
        versions = "with which versions it was written is not known"
    else:
        here = f"and here {'are' if len(others) > 1 else 'is'} {', '.join(others)}" if others else "as here"
        versions = f"it was {spell_versions(written_with)}, {here}"
    return f"{versions}. {_advise(error, is_same=bool(before) and not others)}"


def _advise(error: BaseException | None, *, is_same: bool) -> str:
    if isinstance(error, AttributeError) and _NOTEBOOK in str(error):
        return "What a notebook defines itself is in no other one: put it in a module, and make the data again."
    if isinstance(error, AttributeError | ImportError) and is_same:
        return "What it names has to be found by an import where it is loaded, also from this folder."
    return "Make it again to repair it."


def _read_versions(written_with: str | None) -> dict[str, str]:
    try:
        return dict(json.loads(written_with or "{}"))
    except ValueError:  # a secret was taken out of it
        return {}


def _find_types(value: Any) -> Iterator[tuple[str, str]]:
    """The types and functions that a value holds, as (module, name)."""
    seen: set[int] = set()
    waiting = [value]
    while waiting and len(seen) < _MOST_SEEN:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, _PLAIN):
            continue
        seen.add(id(one))
        kind = one if isinstance(one, type | FunctionType) else type(one)
        yield str(kind.__module__), kind.__qualname__
        waiting += itertools.islice(_parts_of(one), _MOST_OF_ONE)


def _parts_of(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple | set | frozenset):
        return value
    held = None if isinstance(value, type | FunctionType) else getattr(value, "__dict__", None)
    return held.values() if isinstance(held, dict) else ()


def _imported_version(package: str) -> str | None:
    version = getattr(sys.modules.get(package), "__version__", None)
    return version if isinstance(version, str) else None


def _version_here(package: str) -> str:
    """The version of Python or of a package as it is here, imported or not."""
    if package == "python":
        return platform.python_version()
    if version := _imported_version(package):
        return version
    from importlib.metadata import PackageNotFoundError, packages_distributions
    from importlib.metadata import version as version_of

    try:
        return version_of(packages_distributions().get(package, [package])[0])
    except PackageNotFoundError:
        return "not installed"
