"""Whose frame is this: the kind and symbol of one message, told from its outermost keys.

Only the importer asks; the engine has its own strict decoders. Shapes: Binance combined streams (`stream`, `data`),
Binance raw streams (`e`, `s`; a spot bookTicker has no `e`), Binance REST depth (`lastUpdateId`) and exchange
information (`symbols`), Bybit v5 (`topic`; REST instruments have `result.list`).
"""

from dataclasses import dataclass

KIND_WEBSOCKET = "websocket"
KIND_DEPTH = "rest_depth"
KIND_EXCHANGE_INFO = "rest_exchange_info"
KIND_CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about; `symbol` is empty where the message does not say."""

    kind: str
    symbol: str = ""


_CONTROL = Subject(KIND_CONTROL)
_DEPTH = Subject(KIND_DEPTH)
_EXCHANGE_INFO = Subject(KIND_EXCHANGE_INFO)


def subject_of(document: object) -> Subject:
    """Return the subject of a message (parsed JSON); acknowledgements and pongs are control."""
    if not isinstance(document, dict):
        return _CONTROL
    stream = document.get("stream")
    if isinstance(stream, str):
        return Subject(KIND_WEBSOCKET, stream.partition("@")[0].upper())
    topic = document.get("topic")
    if isinstance(topic, str):
        return Subject(KIND_WEBSOCKET, topic.rpartition(".")[2])
    if "lastUpdateId" in document:
        return _DEPTH
    if isinstance(document.get("symbols"), list) or _is_bybit_instruments(document):
        return _EXCHANGE_INFO
    symbol = document.get("s")
    return Subject(KIND_WEBSOCKET, symbol) if isinstance(symbol, str) else _CONTROL


def _is_bybit_instruments(document: dict[str, object]) -> bool:
    result = document.get("result")
    return isinstance(result, dict) and isinstance(result.get("list"), list)
