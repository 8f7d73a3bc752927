"""The frames of many partitions as one frame or one dataset, with their partition keys in a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbpart.run.spec import InputItem
from nbpart.storage.store import Store

if TYPE_CHECKING:
    import duckdb

#: The column that carries partition keys within a relation.
KEY_COLUMN = "nbpart_partition_key"


def open_as_dataset(store: Store, items: Sequence[InputItem]) -> Any:
    """The Parquet files of many partitions as one Arrow dataset, with their keys in the column KEY_COLUMN."""
    import pyarrow
    import pyarrow.dataset as datasets
    import pyarrow.fs
    import pyarrow.parquet

    form = datasets.ParquetFileFormat()
    files = pyarrow.fs.LocalFileSystem()
    places = [str(store.local_path(item.location)) for item in items]
    schemas = [pyarrow.parquet.read_schema(place).remove_metadata() for place in places]
    if items[0].partition_key is None:
        fragments = [form.make_fragment(place, files) for place in places]
    else:
        # a key is given as what is known of its file, so that it need not stand in it
        schemas.append(pyarrow.schema([(KEY_COLUMN, pyarrow.string())]))
        fragments = [
            form.make_fragment(place, files, partition_expression=datasets.field(KEY_COLUMN) == item.partition_key)
            for place, item in zip(places, items, strict=True)
        ]
    schema = pyarrow.unify_schemas(schemas, promote_options="permissive")
    return datasets.FileSystemDataset(fragments, schema, form, files)


def stack_frames(frames: Mapping[str, Any]) -> Any:
    """One frame of many, with the column `partition_key` in front."""
    import pandas as pd

    parts = []
    for key, frame in frames.items():
        if "partition_key" in frame.columns:
            frame = frame.rename(columns={"partition_key": "partition_key_1"})
        frame.insert(0, "partition_key", pd.Series([key] * len(frame), index=frame.index, dtype="str"))
        parts.append(frame)
    plain = all(isinstance(frame.index, pd.RangeIndex) for frame in parts)
    return pd.concat(parts, ignore_index=plain)


def relate_frames(
    connection: duckdb.DuckDBPyConnection, store: Store, items: Sequence[InputItem]
) -> duckdb.DuckDBPyRelation:
    """Frames as one relation, with the column ``partition_key`` in front where they have keys."""
    import duckdb

    relation = connection.from_arrow(open_as_dataset(store, items))
    column = duckdb.ColumnExpression
    if items[0].partition_key is None:
        return relation
    chosen = [column(KEY_COLUMN).alias("partition_key")]
    for name in relation.columns:
        if name != KEY_COLUMN:
            chosen.append(column(name).alias("partition_key_1" if name.lower() == "partition_key" else name))
    return relation.select(*chosen)
