"""The names that people give to assets, sources, parameters and metrics, and the columns that metrics become."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Container
from typing import Final

from nbpart.errors import DeclarationError, PartitionKeyError
from nbpart.partitions.keys import check_key, shorten

#: Names that mean something else where an asset, parameter or metric would be shown, injected or queried.
RESERVED_NAMES: Final = frozenset(
    {"partition_key", "run_id", "run", "status", "value", "materialized_at", "duration_s", "rows", "bytes"}
)
#: Names that no column of a set may have: besides these, what its keys are shown and compared with.
RESERVED_COLUMNS: Final = RESERVED_NAMES | {
    "upstream", "this", "error", "late", "reason", "checks", "stopped_early", "added_at", "added_by",
    "window_start", "window_end",
}  # fmt: skip
#: In UTF-8. File systems take 255, and what stands beside a name in that of a file (run id, attempt, ending) takes less
#: than the rest.
MAX_NAME_BYTES: Final = 180
#: What stands before the name of a metric where another column has that name.
METRIC: Final = "metric."
#: How the names of sets begin that nobody named: lists of keys, and products.
UNNAMED: Final = "static-"
UNNAMED_PRODUCT: Final = "product-"


def make_name(text: str, what: str, reserved: Container[str] = RESERVED_NAMES) -> str:
    """Make a name that `check_name` accepts from any text: characters that no identifier may hold become ``_``.

    Where the result would begin with a digit, is reserved or has no letter, ``what`` (a plain word) is put in front.
    """
    plain = unicodedata.normalize("NFKC", text)
    name = re.sub(r"_+", "_", "".join(char if f"a{char}".isidentifier() else "_" for char in plain)).strip("_")
    name = name.encode()[: MAX_NAME_BYTES - len(what) - 1].decode(errors="ignore")
    if not name:
        return what
    is_taken = keyword.iskeyword(name) or name.casefold() in reserved
    return name if name.isidentifier() and not is_taken else f"{what}_{name}"


def check_name(name: object, what: str) -> str:
    """Return ``name`` if it can be the name of a ``what`` (``"asset"``, ``"parameter"`` ...).

    It has to be an identifier of at most 180 bytes in UTF-8 that is not reserved. Raises `DeclarationError` otherwise.
    The caller has to check that no two names differ in case only.
    """
    text = check_identifier(name, what)
    if text.casefold() in RESERVED_NAMES:
        raise DeclarationError(f"The {what} name {text!r} has a meaning already: choose another.")
    return text


def check_identifier(name: object, what: str) -> str:
    """`check_name` without the check for reserved names, which metrics may have."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise DeclarationError(
            f"The {what} name {shorten(name)} is no Python identifier: use letters, digits and _, a letter first."
        )
    if name != unicodedata.normalize("NFKC", name):  # Python would make another variable of it
        raise DeclarationError(f"The {what} name {name!r} is read as another name by Python: write it plainly.")
    if (size := len(name.encode())) > MAX_NAME_BYTES:
        raise DeclarationError(
            f"The {what} name {shorten(name)} takes {size:,} bytes, and file systems have room for {MAX_NAME_BYTES}: "
            "choose a shorter one."
        )
    return str.__str__(name)


def check_set_name(name: object) -> str:
    """Return ``name`` if it can name a set of partitions: it has the form of a key. Raises `DeclarationError`."""
    try:
        checked = check_key(name)
    except PartitionKeyError as error:
        raise DeclarationError(f"Partitions need a name of the form of a key. {error}") from None
    if checked.startswith((UNNAMED, UNNAMED_PRODUCT)):
        raise DeclarationError(
            f"Partitions cannot be named {name!r}: unnamed lists of keys and products have such names."
        )
    return checked


def check_column_name(name: object, what: str) -> str:
    """`check_name` for what is a column of a set: a parameter, a dimension ... More names are reserved for these."""
    text = check_name(name, what)
    if text.casefold() in RESERVED_COLUMNS:
        raise DeclarationError(f"The {what} name {text!r} has a meaning already: choose another.")
    return text


def metric_column(name: str, taken: Container[str] = ()) -> str:
    """The column of a metric: its name, or as in ``metric.rows`` where another column has that name.

    ``taken`` are the names of other columns in lower case, besides those that partitions always have.
    """
    folded = name.lower()
    return f"{METRIC}{name}" if folded in RESERVED_COLUMNS | {"key"} or folded in taken else name


def metric_of_column(column: str) -> str:
    """The metric of a column, whose name may or may not have ``metric.`` in front."""
    return column.removeprefix(METRIC)
