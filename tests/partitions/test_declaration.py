from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nbpart.errors import DeclarationError
from nbpart.partitions import DailyPartitions, DynamicPartitions, MultiPartitions, StaticPartitions, as_definition

files = DynamicPartitions("files")


def test_what_can_stand_for_a_definition() -> None:
    assert as_definition(None) is None
    product = MultiPartitions({"file": files})
    for definition in (files, DailyPartitions("days", "2013-01-01"), product, StaticPartitions(["a"])):
        assert as_definition(definition) is definition
        assert as_definition(SimpleNamespace(definition=definition)) is definition
    for keys in (["a", "b"], ("a", "b"), map(str, "ab"), np.array(["a", "b"])):
        assert as_definition(keys) == StaticPartitions(["a", "b"])


@pytest.mark.parametrize("other", ["files", 3, {"lr": float}, {"a"}, b"ab"], ids=repr)
def test_what_cannot_stand_for_a_definition(other: object) -> None:
    with pytest.raises(DeclarationError, match="no partitions definition"):
        as_definition(other)
