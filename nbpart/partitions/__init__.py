"""How assets are split into partitions: keys, parameters, definitions and mappings. Pure: no I/O, no clock."""

from nbpart.partitions.columns import Column, ColumnSource
from nbpart.partitions.declaration import as_definition
from nbpart.partitions.definition import PartitionsDefinition, name_partitions_in_errors
from nbpart.partitions.dynamic import AddKeysRequest, DeleteKeysRequest, DynamicPartitions
from nbpart.partitions.frequencies import DailyPartitions, HourlyPartitions, MonthlyPartitions, WeeklyPartitions
from nbpart.partitions.key_spelling import Key, Keys, spell_keys
from nbpart.partitions.keys import MAX_KEY_LENGTH, check_key, safe_name
from nbpart.partitions.names import RESERVED_NAMES, check_name
from nbpart.partitions.parameters import REQUIRED, Param, Parameter, Parameters
from nbpart.partitions.product import MultiPartitions
from nbpart.partitions.ref import PartitionRef
from nbpart.partitions.static import StaticPartitions
from nbpart.partitions.stored import definition_from_json, definition_to_json, part_sets
from nbpart.partitions.values import Kind, Value, to_plain
from nbpart.partitions.windows import TimeWindowPartitions, Windows

__all__ = [
    "MAX_KEY_LENGTH",
    "REQUIRED",
    "RESERVED_NAMES",
    "AddKeysRequest",
    "Column",
    "ColumnSource",
    "DailyPartitions",
    "DeleteKeysRequest",
    "DynamicPartitions",
    "HourlyPartitions",
    "Key",
    "Keys",
    "Kind",
    "MonthlyPartitions",
    "MultiPartitions",
    "Param",
    "Parameter",
    "Parameters",
    "PartitionRef",
    "PartitionsDefinition",
    "StaticPartitions",
    "TimeWindowPartitions",
    "Value",
    "WeeklyPartitions",
    "Windows",
    "as_definition",
    "check_key",
    "check_name",
    "definition_from_json",
    "definition_to_json",
    "name_partitions_in_errors",
    "part_sets",
    "safe_name",
    "spell_keys",
    "to_plain",
]
