"""The formats that somebody asks for by name, since no other one holds the value: estimators, tensors."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from nbpart.errors import nearest

#: The values of `NamedFormat`, for whoever writes one.
FormatName = Literal["joblib", "pickle", "skops", "safetensors"]


class NamedFormat(StrEnum):
    """A format that is never chosen by the type of a value."""

    JOBLIB = "joblib"
    PICKLE = "pickle"
    SKOPS = "skops"
    SAFETENSORS = "safetensors"

    @property
    def ending(self) -> str:
        """What the names of its files end in."""
        return ".pkl" if self is NamedFormat.PICKLE else f".{self}"

    @property
    def runs_code(self) -> bool:
        """Whether loading a file runs what the file says, so that it has to be trusted."""
        return self in (NamedFormat.JOBLIB, NamedFormat.PICKLE)

    @property
    def needs_package(self) -> bool:
        """Whether it is written and read by an optional package, which has its name."""
        return self is not NamedFormat.PICKLE


def find_named(format: str | None) -> NamedFormat | None:
    """The named format that is called so; None for the format of another file."""
    return NamedFormat(format) if format in list(NamedFormat) else None


def runs_code(format: str | None) -> bool:
    """Whether loading a file of this format runs what the file says."""
    named = find_named(format)
    return named is not None and named.runs_code


def refuse_format(format: object) -> str | None:
    """Why a value cannot be saved in a format of that name, as a sentence; None where it can."""
    if isinstance(format, str) and find_named(format):
        return None
    return f"format={format!r:.60} is none that can be asked for by name; {nearest(str(format), NamedFormat)}"
