"""Where running alerts are found in `data/run`, and how they call themselves on the bus. Imports nothing."""

PROCESS = "alerts"
LOCK_NAME = "alerts.lock"
SOCKET_NAME = "alerts.sock"
