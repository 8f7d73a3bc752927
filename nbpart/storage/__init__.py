"""Files: atomic writes, versions of sources, and values as files."""

from nbpart.storage.files import (
    FileVersion,
    hash_file,
    hash_location,
    inside,
    resolve_source,
    scan_versions,
    write_atomic,
    write_bytes_atomic,
)
from nbpart.storage.formats import FORMATS, SavedFile, load_file, save_value

__all__ = [
    "FORMATS",
    "FileVersion",
    "SavedFile",
    "hash_file",
    "hash_location",
    "inside",
    "load_file",
    "resolve_source",
    "save_value",
    "scan_versions",
    "write_atomic",
    "write_bytes_atomic",
]
