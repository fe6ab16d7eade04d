"""The gateway of each venue, made for one key."""

from collections.abc import Sequence

from streaming.errors import RefusedError
from streaming.live.config import VenueAccount
from streaming.secret_keys import Credentials
from streaming.venues.binance_spot_orders import BinanceSpotOrders
from streaming.venues.binance_usdm_orders import BinanceUsdmOrders
from streaming.venues.bybit_orders import BybitOrders
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import Gateway
from streaming.venues.instruments import Instrument, Instruments


def make_gateway(
    venue: str, credentials: Credentials, instruments: Sequence[Instrument], id_prefix: str, account: VenueAccount
) -> Gateway:
    """Return the gateway of `venue`; RefusedError, without a word of them, for credentials that are none."""
    key, signer = credentials.api_key.reveal(), credentials.signer()
    known, ids, window_ms = Instruments(instruments), ClientIds(id_prefix), account.recv_window_ms
    key_base = account.permissions_rest if account.permissions_rest != account.rest else ""
    try:
        match venue:
            case "binance_usdm":
                return BinanceUsdmOrders(key, signer, known, ids, recv_window_ms=window_ms, key_base=key_base)
            case "binance_spot":
                return BinanceSpotOrders(key, signer, known, ids, recv_window_ms=window_ms, key_base=key_base)
            case "bybit_spot":
                return BybitOrders(key, signer, known, ids, recv_window_ms=window_ms)
    except ValueError as error:  # gateways say what they expect of a key, and nothing of it
        raise RefusedError(f"{venue}: {error}") from None
    raise AssertionError(f"{venue}: no gateway speaks to it")
