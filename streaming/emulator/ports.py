"""Ports of the emulator. Apart from the servers, so that who only asks for them does not import those."""

from typing import Final

PORTS: Final = {"binance_usdm": 18081, "binance_spot": 18082, "bybit_spot": 18083, "control": 18080}
"""Where `trader` looks for the emulator when nothing else is said."""
