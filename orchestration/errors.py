"""What can go wrong while conducting; each class is one exit code of `python -m orchestration`.

OrchestrationError   1  a step failed
├── RefusedError     3  the gate or a recorded check says no
└── BadLakeError     5  the lake's data failed a blocking check

Each message says what was expected, what was found and what to do next.
"""


class OrchestrationError(Exception):
    """A failure that the command reports."""

    exit_code = 1


class RefusedError(OrchestrationError):
    """A promotion was refused."""

    exit_code = 3


class BadLakeError(OrchestrationError):
    """Data in the lake failed a blocking check."""

    exit_code = 5
