"""What a venue must have told before orders may leave: the rules of its symbols and the account's fees. Sans I/O.

Asked at the start until it is there, and again every `AGAIN_NS`: rules change while we run.
"""

from dataclasses import dataclass, field
from typing import Final

from streaming.live.flight import Purpose
from streaming.live.links import NEVER_NS
from streaming.live.wire import Question, Wire
from streaming.venues.gateway import Call, CallKind, Outcome

AGAIN_NS: Final = 15 * 60 * 1_000_000_000
RETRY_NS: Final = 1_000_000_000


@dataclass(slots=True)
class Setup:
    """See the head of the file."""

    _wire: Wire
    symbols: tuple[str, ...]
    _due: dict[tuple[CallKind, str], int] = field(init=False)
    _missing: set[tuple[CallKind, str]] = field(init=False)

    def __post_init__(self) -> None:
        questions = [(CallKind.rules, ""), *((CallKind.fees, symbol) for symbol in self.symbols)]
        self._due = dict.fromkeys(questions, 0)
        self._missing = set(questions)

    @property
    def is_done(self) -> bool:
        """Whether everything has been told once."""
        return not self._missing

    def on_deadline(self, ts_ns: int) -> None:
        """Ask what is due."""
        for (kind, symbol), due_ns in [*self._due.items()]:
            if ts_ns >= due_ns:
                _, wait_ns = self._wire.ask(kind, Purpose.setup, ts_ns, Question(symbol))
                self._due[kind, symbol] = ts_ns + wait_ns if wait_ns else NEVER_NS

    def next_ns(self) -> int:
        """Return when something is due."""
        return min(self._due.values())

    def on_outcome(self, call: Call, outcome: Outcome, ts_ns: int) -> None:
        """Take what became of a question."""
        question = (call.kind, call.symbol if call.kind is CallKind.fees else "")
        if outcome.is_accepted:
            self._missing.discard(question)
        after_ns = AGAIN_NS if outcome.is_accepted else RETRY_NS
        self._due[question] = max(outcome.retry_at_ns, ts_ns + after_ns)
