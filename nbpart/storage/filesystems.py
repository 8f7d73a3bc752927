"""The file systems behind URLs, by fsspec; none of them remembers what it has listed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from nbpart.errors import DeclarationError, ExtraRequiredError, MissingInputError, NbpartError, nearest

#: The extra of nbpart that a scheme needs; what is not here comes with Python or with fsspec.
EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "azure"),
    **dict.fromkeys(("http", "https"), "http"),
}
#: Shorter values are no secrets: taken out wherever they stand they would leave little to read.
_SHORTEST = 4


def scheme_of(url: str) -> str:
    """What stands before ``://``."""
    return url.partition("://")[0].lower()


def address_of(url: str) -> str:
    """Scheme and bucket or host: ``s3://bucket``."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def open_filesystem(url: str, options: Mapping[str, Any] | None = None) -> Any:
    """The fsspec file system of a URL, with the storage options of its source.

    Each has a cache of listings, which would show files as they were: it is off and emptied. Raises
    `ExtraRequiredError`, which names the extra to install, and `MissingInputError` for a scheme that nobody knows.
    """
    import fsspec

    # not the whole URL: a key may hold what fsspec reads as a chain of file systems
    address = f"{address_of(url)}/"
    try:
        filesystem, _ = fsspec.core.url_to_fs(address, use_listings_cache=False, **(options or {}))
    except ImportError as error:
        raise _lacks_package(url, error) from error
    except ValueError as error:
        raise MissingInputError(f"{url!r} cannot be read: {error}.") from error
    filesystem.invalidate_cache()
    return filesystem


def check_scheme(url: str) -> None:
    """Raise `ExtraRequiredError` where what reads such URLs is not installed, `DeclarationError` where nobody knows it.

    Nothing is connected to.
    """
    import fsspec

    scheme = scheme_of(url)
    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        raise _lacks_package(url, error) from error
    except ValueError:
        raise DeclarationError(f"{url!r} cannot be read: {scheme}:// is unknown; {nearest(scheme, EXTRAS)}") from None


def _lacks_package(url: str, error: ImportError) -> ExtraRequiredError:
    extra = EXTRAS.get(scheme_of(url))
    install = f"install nbpart[{extra}]" if extra else f"install what fsspec needs for it ({error})"
    return ExtraRequiredError(
        f"reading {scheme_of(url)}:// needs a package that is not installed: {install}, also where runs execute."
    )


def name_in(filesystem: Any, url: str) -> str:
    """The name of a file within its file system."""
    address = address_of(url)
    return f"{_root_name(filesystem, address)}{url.removeprefix(address)}"


def url_of(filesystem: Any, address: str, name: str) -> str:
    """The URL of a file by its name within the file system of ``address``: the reverse of `name_in`."""
    return f"{address}{name.removeprefix(_root_name(filesystem, address))}"


def _root_name(filesystem: Any, address: str) -> str:
    # only the address: what stands behind it is a name, whatever fsspec would read in it
    return str(filesystem._strip_protocol(address)).rstrip("/")


@contextlib.contextmanager
def reading(url: str, options: Mapping[str, Any] | None) -> Iterator[None]:
    """Turn what the packages behind fsspec raise into OSError: each has errors of its own, which nobody can list.

    Values of ``options`` are taken out of the message, and with one in it nothing of the first error is shown.
    """
    try:
        yield
    except Exception as error:
        text = str(error)
        shown = _hide(text, options or {})
        if shown != text:
            raise OSError(f"{url}: {type(error).__name__}: {shown}") from None
        if isinstance(error, OSError | NbpartError):
            raise
        raise OSError(f"{url}: {type(error).__name__}: {text}") from error


def _hide(text: str, options: Mapping[str, Any]) -> str:
    for value in options.values():
        if isinstance(value, Mapping):
            text = _hide(text, value)
        elif isinstance(value, str | int | float) and len(str(value)) >= _SHORTEST:
            text = text.replace(str(value), "***")
    return text
