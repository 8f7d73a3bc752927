"""Settings whose values are recorded nowhere: handed to the kernel by its environment, taken out of what it writes."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from typing import Any

from nbpart.errors import MissingInputError, ParameterError
from nbpart.run.spec import decode_value, encode_value
from nbpart.run.spellings import SHORTEST, find_texts, iterate_leaves

VARIABLE = "NBPART_SECRETS"
#: Hidden wherever they stand these would leave little to read.
_COMMON = frozenset({"true", "false", "none", "null"})


def check_secret(name: str, value: Any) -> None:
    """Raises `ParameterError` for a value that could not be kept out of notebooks and logs.

    In lists and dicts numbers of fewer digits, truth values and None are no secrets; each text has to be one.
    """
    _check_kinds(name, value)
    leaves = list(iterate_leaves(value))
    texts = [leaf.strip() for leaf in leaves if isinstance(leaf, str) and leaf]
    if not find_texts(value) or any(len(text) < SHORTEST for text in texts):
        raise ParameterError(
            f"the secret {name!r} has fewer than {SHORTEST} characters{' in one of its texts' * (len(leaves) > 1)} and "
            "could not be told from other text; choose a longer one, or give what is no secret as another setting."
        )
    if common := next((text for text in texts if text.lower() in _COMMON), None):
        raise ParameterError(
            f"the secret {name!r} holds the word {common!r}, which would be taken out wherever it stands; "
            "choose another value."
        )


def _check_kinds(name: str, value: Any) -> None:
    # the error of encode_value shows the value
    for leaf in iterate_leaves(value):
        if leaf is not None and not isinstance(leaf, bool | int | float | str | datetime.date):
            raise ParameterError(
                f"the secret {name!r} holds a {type(leaf).__qualname__}, which cannot be handed to a run; "
                "pass text, numbers, dates, or lists and dicts of them."
            )
    encode_value(value)


def spell_environment(secrets: Mapping[str, Any]) -> dict[str, str]:
    """The variables by which a kernel is given secrets."""
    return {VARIABLE: json.dumps({name: encode_value(value) for name, value in secrets.items()})} if secrets else {}


def read_secret(name: str) -> Any:
    """A secret of the run that this kernel was started for. Raises `MissingInputError` where it was given none."""
    given = json.loads(os.environ.get(VARIABLE, "{}"))
    if name not in given:
        raise MissingInputError(f"this run was given no secret {name!r}; pass it in params of the backfill.")
    return decode_value(given[name])
