"""The deterministic C++ core, as Python sees it.

Everything that decides lives in the extension: it does no I/O, reads no clock, starts no thread.
The same names are declared in `_native.pyi`; nothing else imports the extension.
"""

from native._native import (
    FEATURE_NAMES,
    Backtest,
    Engine,
    SimVenue,
    crc32c,
    dtypes,
    encode_record,
    enums,
    feature_schema_hash,
    features_batch,
    merge_blocks,
    normalize,
    order_table,
    parse_decimal,
    risk_rules,
    scan_records,
    trading_table,
    watch_rules,
)

__all__ = [
    "FEATURE_NAMES",
    "Backtest",
    "Engine",
    "SimVenue",
    "crc32c",
    "dtypes",
    "encode_record",
    "enums",
    "feature_schema_hash",
    "features_batch",
    "merge_blocks",
    "normalize",
    "order_table",
    "parse_decimal",
    "risk_rules",
    "scan_records",
    "trading_table",
    "watch_rules",
]
