"""What others report by a file in the inbox: a failed run of Dagster, a script of yours. No I/O, no clock."""

from typing import Annotated, Final

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from streaming.alerts.config import RULES
from streaming.bus import CutText, Severity, ShortText, TsNs
from streaming.errors import BadDataError

REPORT_BYTES_MAX: Final = 64 << 10


def check_rule(name: str) -> str:
    """Return `name` when it is a rule that reports may name; raise ValueError otherwise."""
    if name not in ("run_failure", "report"):
        raise ValueError(f"expected run_failure or report, found {name!r}")
    assert name in RULES, "a rule of ours"
    return name


class Report(BaseModel):
    """One report. Frozen; the same `rule` and `subject` again is the same alert, counted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rule: Annotated[str, AfterValidator(check_rule)] = "report"
    subject: ShortText = ""
    severity: Severity | None = None
    """None: the rule's own."""
    title: Annotated[CutText, Field(min_length=1)]
    words: CutText = ""
    ts_ns: TsNs

    def to_json(self) -> bytes:
        """Return it as one JSON object."""
        return orjson.dumps(self.model_dump())


def report_from_json(payload: bytes) -> Report:
    """Return the report in a file; BadDataError says what is wrong with it."""
    if len(payload) > REPORT_BYTES_MAX:
        raise BadDataError(f"report: expected at most {REPORT_BYTES_MAX} bytes, found {len(payload)}")
    try:
        return Report.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        raise BadDataError(f"report: {key}: {first['msg']}") from error
