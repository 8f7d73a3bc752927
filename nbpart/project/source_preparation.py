"""Preparing a source for registration: its path or URL is read, and what it names is checked."""

from __future__ import annotations

from collections.abc import Sequence

from nbpart.assets.asset import Source
from nbpart.assets.definition import AssetDefinition
from nbpart.assets.source_functions import read_function
from nbpart.assets.source_reading import FUNCTION, VALUE, SourceReading, record_options
from nbpart.backfill.registry import Node
from nbpart.backfill.source_location import list_path_names, load_path_attributes, locate_all
from nbpart.catalog import Batch, queries
from nbpart.errors import DeclarationError, ExtraRequiredError
from nbpart.storage.filesystems import check_scheme, scheme_of
from nbpart.storage.source_versions import read_versioning
from nbpart.storage.url_template import UrlTemplate


def prepare_source(item: Source) -> AssetDefinition:
    """The definition of a declared source. Raises `DeclarationError` for a path or an option that cannot be."""
    if item.version == VALUE and not item.path:
        # it has no folder: wherever it is given again, it is the same source
        return _define(item, reading=SourceReading(VALUE))
    if callable(item.version):
        return _prepare_functions(item)
    try:
        template = UrlTemplate.parse(item.path)
        template.check_names(list_path_names(item.partitions))
        if template.has_wildcard and scheme_of(item.path) in ("http", "https"):
            raise DeclarationError("a web server does not say which files it has: name one file in its URL, without *.")
        versioning = read_versioning(item.version, item.path)
        if "://" in item.path:
            check_scheme(item.path)
    except (DeclarationError, ExtraRequiredError) as error:
        raise type(error)(f"source {item.name!r}: {error}") from None
    reading = SourceReading(str(versioning), record_options(item.storage_options))
    return _define(item, folder=str(item.folder), path=item.path, reading=reading)


def _prepare_functions(item: Source) -> AssetDefinition:
    takes = 1 if item.partitions else 0
    try:
        ask = read_function(item.version, "version", takes, item.folder)
        load = None if item.load is None else read_function(item.load, "load", takes, item.folder)
    except DeclarationError as error:
        raise type(error)(f"source {item.name!r}: {error}") from None
    return _define(item, folder=str(item.folder), reading=SourceReading(FUNCTION, ask=ask, load=load))


def _define(item: Source, *, reading: SourceReading, folder: str = "", path: str | None = None) -> AssetDefinition:
    return AssetDefinition(
        name=item.name,
        kind=item.kind,
        set_name=item.partitions.set_name if item.partitions else "",
        folder=folder,
        path=path,
        description=item.description,
        group=item.group,
        tags=item.tags,
        reading=reading,
    )


def check_source_keys(batch: Batch, nodes: Sequence[Node]) -> None:
    """Raise `DeclarationError` for a registered source of which two keys would be one file."""
    for node in nodes:
        if node.definition.path and node.definition.is_source and node.definition.is_partitioned:
            keys = queries.load_members(batch, node.set_id)
            _, refused = locate_all(node, keys, load_path_attributes(batch, node, keys))
            for reason in refused.values():
                raise DeclarationError(f"source {node.name!r}: {reason}")
