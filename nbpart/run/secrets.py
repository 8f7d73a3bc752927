"""Settings whose values are recorded nowhere: handed to the kernel by its environment, taken out of what it writes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from nbpart.errors import MissingInputError, ParameterError
from nbpart.run.spec import decode_value, encode_value

VARIABLE = "NBPART_SECRETS"
HIDDEN = "•••"
#: A shorter text stands in many innocent places.
_SHORTEST = 4


def check_secret(name: str, value: Any) -> None:
    """Raises `ParameterError` for a value that could not be kept out of notebooks and logs."""
    encode_value(value)
    if len(str(value)) < _SHORTEST:
        raise ParameterError(
            f"the secret {name!r} has fewer than {_SHORTEST} characters and could not be told from other text; "
            "choose a longer one."
        )


def spell_environment(secrets: Mapping[str, Any]) -> dict[str, str]:
    """The variables by which a kernel is given secrets."""
    return {VARIABLE: json.dumps({name: encode_value(value) for name, value in secrets.items()})} if secrets else {}


def read_secret(name: str) -> Any:
    """A secret of the run that this kernel was started for. Raises `MissingInputError` where it was given none."""
    given = json.loads(os.environ.get(VARIABLE, "{}"))
    if name not in given:
        raise MissingInputError(f"this run was given no secret {name!r}; pass it in params of the backfill.")
    return decode_value(given[name])


class Redactor:
    """Takes the values of secrets out of texts."""

    def __init__(self, secrets: Mapping[str, Any]) -> None:
        texts = {str(value) for value in secrets.values()}
        lines = {line for text in texts for line in text.splitlines() if len(line) >= _SHORTEST}
        self._texts = sorted(texts | lines, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._texts)

    def redact(self, text: str) -> str:
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text

    def redact_json(self, text: str) -> str:
        """JSON text without the secrets, however it spells them."""
        for secret in self._texts:
            for spelled in {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
                text = text.replace(spelled, HIDDEN)
        return text

    def redact_value(self, value: Any) -> Any:
        """A text, or None, or a dict of them; other values as they are."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {key: self.redact_value(item) for key, item in value.items()}
        return value

    def wrap(self, write: Callable[[str], None]) -> RedactedWriter:
        """What writes texts that come in pieces; a secret may stand across two of them."""
        return RedactedWriter(self, write)

    def held_back(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a secret."""
        longest = max((len(secret) - 1 for secret in self._texts), default=0)
        for n in range(min(longest, len(text)), 0, -1):
            if any(secret.startswith(text[-n:]) for secret in self._texts):
                return n
        return 0


class RedactedWriter:
    """Writes on what surely holds no secret; `flush` writes the rest."""

    def __init__(self, redactor: Redactor, write: Callable[[str], None]) -> None:
        self._redactor, self._write = redactor, write
        self._rest = ""

    def __call__(self, text: str) -> None:
        text = self._redactor.redact(self._rest + text)
        n = self._redactor.held_back(text)
        self._rest = text[len(text) - n :]
        if len(text) > n:
            self._write(text[: len(text) - n])

    def flush(self) -> None:
        rest, self._rest = self._rest, ""
        if rest:
            self._write(rest)
