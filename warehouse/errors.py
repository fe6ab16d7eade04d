"""Errors of the warehouse.

    WarehouseError
    ├── UnknownTableError     a table that warehouse/schema.py does not declare
    ├── SchemaMismatchError   columns that are not those of the table
    ├── TornFileError         a Parquet file of the lake that cannot be read
    ├── InstrumentError       an instrument that is unknown, or whose steps contradict themselves
    └── MartsError            the marts' database is absent, or held by a writer

Each message is one line: what was expected, what was found, what to do next.
"""


class WarehouseError(Exception):
    """A failure of lake or marts that is reported in one line."""


class UnknownTableError(WarehouseError):
    """No such table."""


class SchemaMismatchError(WarehouseError):
    """Data offered to a table have other columns or types."""


class TornFileError(WarehouseError):
    """A Parquet file is damaged."""


class InstrumentError(WarehouseError):
    """An instrument's row is missing or contradicts another."""


class MartsError(WarehouseError):
    """The marts cannot be read or published."""
