"""Where a running recorder is found in `data/run`, and how it calls itself on the bus. Imports nothing."""

PROCESS = "recorder"
MODE = "record"
LOCK_NAME = "record.lock"
SOCKET_NAME = "record.sock"
