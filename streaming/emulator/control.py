"""Commands for the emulator itself: faults, regime, what it knows to be true. JSON over HTTP, on a port of its own.

    GET  /clock                                  the shared clock's three numbers
    GET  /status                                 counts by venue, lag, faults fired
    GET  /faults                                 every fault with its times, connections and losses
    GET  /connections                            every connection: streams, messages sent, last update ids, why it ended
    GET  /truth?instrument=V:S[&levels=N]        the true book now
    GET  /truth/account?venue=V&account=A        orders, fills, balances and positions as they are
    GET  /made-from                              what a generated market follows from, for `true_books`
    POST /fault   {"kind":..., "venue":..., ...} arm a fault; keys as in `faults.Fault`
    POST /regime  {}                             change the generated market to a nervous one (`regime.STRESS`)
    POST /regime  {"volatility_factor":2, ...}   change it to this, all else normal; keys as in `regime.Regime`
    POST /calm                                   no more faults by schedule, forget those that wait
    POST /stop                                   end the emulator

An answer is a JSON document; a refusal has the key `error`. Requests that a browser sends for a web page are refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields

import orjson
from pydantic import TypeAdapter, ValidationError

from native.config import JsonObject
from streaming.emulator.faults import Fault
from streaming.emulator.market import MarketEmulator
from streaming.emulator.regime import STRESS, Regime
from streaming.emulator.rest import Reply
from streaming.emulator.source import EndlessMarket
from streaming.emulator.true_books import made_from_to_json
from streaming.shell.clock import Clock

_FAULT, _REGIME = TypeAdapter(Fault), TypeAdapter(Regime)


class ControlDesk:
    """Answers control requests; `is_stopping` is set when one asked for the end."""

    def __init__(self, emulator: MarketEmulator, clock: Clock) -> None:
        self._emulator, self._clock = emulator, clock
        self.is_stopping = False
        self._gets: Mapping[str, Callable[[Mapping[str, str], int], object]] = {
            "/clock": lambda query, now_ns: clock.to_json(),
            "/status": lambda query, now_ns: emulator.status(now_ns),
            "/faults": lambda query, now_ns: emulator.fault_rows(),
            "/connections": lambda query, now_ns: emulator.connection_rows(),
            "/truth": self._truth,
            "/truth/account": self._account_truth,
            "/made-from": lambda query, now_ns: self._made_from(),
        }
        self._posts: Mapping[str, Callable[[JsonObject, int], object]] = {
            "/fault": self._fault,
            "/regime": self._regime,
            "/calm": self._calm,
            "/stop": self._stop,
        }

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes, now_ns: int) -> Reply:
        """Answer one request."""
        try:
            if method == "GET" and path in self._gets:
                return _reply(200, self._gets[path](query, now_ns))
            if method == "POST" and path in self._posts:
                return _reply(200, self._posts[path](_document(body), now_ns))
        except KeyError as error:
            return _reply(400, {"error": f"expected a key or instrument that is there, found {error}"})
        except ValidationError as error:
            first = error.errors()[0]
            return _reply(400, {"error": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"})
        except ValueError as error:
            return _reply(400, {"error": str(error)})
        known = ", ".join([*(f"GET {path}" for path in self._gets), *(f"POST {path}" for path in self._posts)])
        return _reply(404, {"error": f"{method} {path}: expected one of {known}"})

    def _truth(self, query: Mapping[str, str], now_ns: int) -> object:
        levels = query.get("levels")
        state = self._emulator.truth_at(query["instrument"], int(levels) if levels else None)
        return asdict(state) if state is not None else None

    def _account_truth(self, query: Mapping[str, str], now_ns: int) -> JsonObject:
        return self._emulator.account_truth(query["venue"], query["account"]).to_json()

    def _made_from(self) -> JsonObject:
        source = self._emulator.source
        if not isinstance(source, EndlessMarket):
            raise ValueError("made-from: a recording is played; its lake says what it holds")
        return made_from_to_json(source.made_from, [*self._emulator.log.records])

    def _fault(self, document: JsonObject, now_ns: int) -> object:
        _check_keys(document, Fault)
        return {"number": self._emulator.arm(_FAULT.validate_python(document), now_ns).number}

    def _regime(self, document: JsonObject, now_ns: int) -> object:
        _check_keys(document, Regime)
        regime = _REGIME.validate_python(document) if document else STRESS
        record = self._emulator.set_regime(regime, now_ns)
        return {"number": record.number, "ts_from_ns": record.ts_fired_ns, "regime": asdict(regime)}

    def _calm(self, document: JsonObject, now_ns: int) -> object:
        self._emulator.calm()
        return {"calm": True}

    def _stop(self, document: JsonObject, now_ns: int) -> object:
        self.is_stopping = True
        return {"stopping": True}


def _document(body: bytes) -> JsonObject:
    document = orjson.loads(body or b"{}")
    if not isinstance(document, dict):
        raise ValueError("body: expected a JSON object")
    return document


def _check_keys(document: JsonObject, kind: type[Fault] | type[Regime]) -> None:
    known = [each.name for each in fields(kind)]
    unknown = [key for key in document if key not in known]
    if unknown:
        raise ValueError(f"{unknown[0]}: no such key; expected some of {', '.join(known)}")


def _reply(status: int, document: object) -> Reply:
    return Reply(status, orjson.dumps(document))
