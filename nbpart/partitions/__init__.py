"""How assets are split into partitions: keys, parameters, definitions and mappings. Pure: no I/O, no clock."""

from nbpart.partitions.definitions import (
    AddKeysRequest,
    DeleteKeysRequest,
    DynamicPartitions,
    Key,
    Keys,
    PartitionsDefinition,
    StaticPartitions,
    as_definition,
    name_partitions_in_errors,
    spell_keys,
)
from nbpart.partitions.keys import MAX_KEY_LENGTH, check_key, safe_name
from nbpart.partitions.mapping import Mapping, default_mapping
from nbpart.partitions.names import RESERVED_NAMES, check_name
from nbpart.partitions.parameters import REQUIRED, Param, Parameter, Parameters
from nbpart.partitions.ref import PartitionRef
from nbpart.partitions.values import Kind, Value, to_plain

__all__ = [
    "MAX_KEY_LENGTH",
    "REQUIRED",
    "RESERVED_NAMES",
    "AddKeysRequest",
    "DeleteKeysRequest",
    "DynamicPartitions",
    "Key",
    "Keys",
    "Kind",
    "Mapping",
    "Param",
    "Parameter",
    "Parameters",
    "PartitionRef",
    "PartitionsDefinition",
    "StaticPartitions",
    "Value",
    "as_definition",
    "check_key",
    "check_name",
    "default_mapping",
    "name_partitions_in_errors",
    "safe_name",
    "spell_keys",
    "to_plain",
]
