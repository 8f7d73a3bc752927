"""Files: atomic writes, versions of sources, and values as files."""

from nbpart.storage.file_record import FileRecord
from nbpart.storage.files import (
    hash_file,
    inside,
    write_atomic,
    write_bytes_atomic,
)
from nbpart.storage.formats import FORMATS, SavedFile, load_file, save_file, save_value
from nbpart.storage.integrity import HASHED_AT_LOAD, FileFault, find_fault, find_fault_at_load, find_size_fault
from nbpart.storage.layout import (
    is_in_place,
    place_curves,
    place_data,
    place_kept_curves,
    place_run,
    place_scratch,
    place_stop_request,
)
from nbpart.storage.store import LocalStore, Store, StoredFile, publish_again

__all__ = [
    "FORMATS",
    "HASHED_AT_LOAD",
    "FileFault",
    "FileRecord",
    "LocalStore",
    "SavedFile",
    "Store",
    "StoredFile",
    "find_fault",
    "find_fault_at_load",
    "find_size_fault",
    "hash_file",
    "inside",
    "is_in_place",
    "load_file",
    "place_curves",
    "place_data",
    "place_kept_curves",
    "place_run",
    "place_scratch",
    "place_stop_request",
    "publish_again",
    "save_file",
    "save_value",
    "write_atomic",
    "write_bytes_atomic",
]
