"""Addresses of the venues' private sides, and what is known of them: production, testnet, demo.

Source: the venues' pages "General Info" (Binance USD-M and spot) and "Integration Guidance" (Bybit v5).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

PRODUCTION: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "binance_usdm": {
            "rest": "https://fapi.binance.com",
            "order_socket": "wss://ws-fapi.binance.com",
            "user_socket": "wss://fstream.binance.com",
            "permissions_rest": "https://api.binance.com",
        },
        "binance_spot": {
            "rest": "https://api.binance.com",
            "order_socket": "wss://ws-api.binance.com:443",
            "user_socket": "",
            "permissions_rest": "https://api.binance.com",
        },
        "bybit_spot": {
            "rest": "https://api.bybit.com",
            "order_socket": "wss://stream.bybit.com",
            "user_socket": "wss://stream.bybit.com",
            "permissions_rest": "https://api.bybit.com",
        },
    }
)
"""By venue: base addresses that stand in when the settings name none."""

ENVIRONMENTS: Final[tuple[tuple[str, str], ...]] = (
    ("demo-stream-sbe.binance.com", "demo"),
    ("demo-fapi.binance.com", "testnet"),
    ("demo-fstream.binance.com", "testnet"),
    ("demo-api.binance.com", "demo"),
    ("demo-ws-api.binance.com", "demo"),
    ("demo-stream.binance.com", "demo"),
    ("testnet.binancefuture.com", "testnet"),
    ("fstream.binancefuture.com", "testnet"),
    ("testnet.binance.vision", "testnet"),
    ("api-testnet.bybit.com", "testnet"),
    ("stream-testnet.bybit.com", "testnet"),
    ("api-demo.bybit.com", "demo"),
    ("stream-demo.bybit.com", "demo"),
    ("binance.com", "production"),
    ("bybit.com", "production"),
    ("bytick.com", "production"),
)
"""End of a host's name, and whose money moves there; the first that fits. USD-M's demo and testnet are one backend."""
PRETENDED: Final = frozenset({"testnet", "demo"})
"""Environments with the venues' software and made-up money."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def environment_of(address: str) -> str:
    """Return `production`, `testnet`, `demo`, `loopback`, or `unknown` for a host that nobody here knows."""
    host = (urlsplit(address).hostname or "").lower()
    if host in LOOPBACK:
        return "loopback"
    return next((word for end, word in ENVIRONMENTS if host == end or host.endswith(f".{end}")), "unknown")


def tells_permissions(address: str) -> bool:
    """Tell whether the venue says there what a key may do: test systems do not, and no money moves there."""
    return environment_of(address) not in PRETENDED


def is_loopback(address: str) -> bool:
    """Tell whether an address is on this machine: an emulator's may be."""
    return environment_of(address) == "loopback"
