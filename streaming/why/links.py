"""The links of a chain from an order back to raw segments, as they were found."""

from dataclasses import asdict, dataclass

from native.config import JsonObject

OK, MISSING, ALTERED, UNCHECKED = "ok", "missing", "altered", "not checked"


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file on the way. `path` is relative to the lake where it lies in one."""

    path: str
    state: str
    words: str = ""
    """What a state that is not ok means."""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class BookLink:
    """An instrument's book when the order was decided: the frame that last changed it, and its best prices."""

    instrument: str
    run: str
    seq: int
    """0 where nothing had been heard; (run, seq) is unique."""
    update_id: int
    """The venue's own number of that frame."""
    ts_recv_ns: int
    age_ns: int
    """From that frame to the order."""
    bid: str | None
    bid_size: str | None
    ask: str | None
    ask_size: str | None
    raw_run: str
    """Run of the raw segment that holds the same frame; empty where none does."""
    raw_seq: int
    raw: FileLink


@dataclass(frozen=True, slots=True)
class ForecastLink:
    """The forecast that an order rests on."""

    seq: int
    ts_ns: int
    ts_step_ns: int
    model_id: int
    horizon_steps: int
    values: tuple[JsonObject, ...]
    """Of each instrument: at the signal's horizon and at those that the lake keeps, mid in bps and spread in ticks."""

    @property
    def delay_ns(self) -> int:
        """From the close of the step to the forecast's arrival in the engine."""
        return self.ts_ns - self.ts_step_ns


@dataclass(frozen=True, slots=True)
class RecordsLink:
    """What the run's records say of one order."""

    run: str
    place: str
    """`lake` or `journal`."""
    events: tuple[JsonObject, ...]
    fills: tuple[JsonObject, ...]
    decision: JsonObject | None
    state: str = OK
    words: str = ""

    @property
    def seq(self) -> int:
        """The input that caused the order."""
        return int(str(self.events[0]["seq"]))

    @property
    def ts_ns(self) -> int:
        """When the order was made."""
        return int(str(self.events[0]["ts_ns"]))


@dataclass(frozen=True, slots=True)
class PartitionLink:
    """A grid file that the model learned from, and the raw segments of its hour."""

    file: FileLink
    segments: tuple[FileLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Everything, in the order in which it is told."""

    client_order_id: int
    records: RecordsLink
    journal: FileLink
    forecast: ForecastLink | None
    books: tuple[BookLink, ...]
    bundle: JsonObject | None
    """See `ml.runtime.BundleFacts`; None for an order that rests on no model."""
    training_run: FileLink | None
    partitions: tuple[PartitionLink, ...]

    def to_json(self) -> JsonObject:
        """Return the chain as one JSON object; ids as text, since they are wider than a JavaScript number."""
        document: JsonObject = asdict(self)
        document["client_order_id"] = str(self.client_order_id)
        forecast = document["forecast"]
        if isinstance(forecast, dict) and self.forecast is not None:
            forecast["delay_ns"] = self.forecast.delay_ns
        document["broken"] = [link.path for link in self.broken()]
        return document

    def broken(self) -> list[FileLink]:
        """Return the links that are missing or altered."""
        links = [self.journal, *(book.raw for book in self.books)]
        links += [] if self.training_run is None else [self.training_run]
        for partition in self.partitions:
            links += [partition.file, *partition.segments]
        found = [link for link in links if link.state in (MISSING, ALTERED)]
        if self.bundle is not None and self.bundle["state"] in (MISSING, ALTERED):
            found.append(FileLink(str(self.bundle["hash"]), str(self.bundle["state"]), str(self.bundle["problem"])))
        return found
