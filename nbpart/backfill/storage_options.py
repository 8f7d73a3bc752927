"""The storage options of sources: what a process knows of them. Their values are recorded nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbpart.assets.definition import AssetDefinition
from nbpart.assets.source_reading import resolve_options
from nbpart.errors import MissingInputError

#: What was given in this process as values, by workspace and source.
_given: dict[tuple[str, str], Mapping[str, Any]] = {}


def remember_options(root: Path, source: str, options: Mapping[str, Any]) -> None:
    """Keep the options with which a source was declared, for as long as this process lives."""
    _given[str(root), source] = options


def find_options(root: Path, definition: AssetDefinition) -> Mapping[str, Any]:
    """The options of a source with their values: of the environment, and of its declaration in this process.

    Raises `MissingInputError` for one that this process lacks.
    """
    if definition.reading is None or not definition.reading.storage_options:
        return {}
    given = _given.get((str(root), definition.name), {})
    return resolve_options(definition.name, definition.reading.storage_options, given, os.environ)


def find_options_of_inputs(root: Path, sources: Iterable[AssetDefinition]) -> dict[str, Mapping[str, Any] | None]:
    """The options of those of these sources that have any, by name; None where this process lacks one."""
    found: dict[str, Mapping[str, Any] | None] = {}
    for definition in sources:
        try:
            options = find_options(root, definition)
        except MissingInputError:
            found[definition.name] = None
        else:
            found |= {definition.name: options} if options else {}
    return found
