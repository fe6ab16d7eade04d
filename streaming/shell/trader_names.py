"""Where a running trader is found in `data/run`, and how it calls itself on the bus. Imports nothing."""

PROCESS = "trader"
LOCK_NAME = "trader.lock"
SOCKET_NAME = "trader.sock"
STARTING = "starting"
"""The state of a trader that has no session yet."""
