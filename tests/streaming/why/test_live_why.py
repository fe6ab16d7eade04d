"""Why an order was sent, asked of a session that still trades, and again when it has landed."""

import json

import pytest
from paper_house import eager, emulator, make_house

from streaming.cli.main import main
from streaming.errors import UsageError
from streaming.journal import Journal
from streaming.segments import KIND_FORECAST
from streaming.why.find import order_number


@pytest.fixture
def house(settings_file):
    return make_house(settings_file)


def why(order, capsys):
    """The chain of an order, and the exit code."""
    capsys.readouterr()
    code = main(["why", str(order), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_running_session_and_the_landed_one_tell_the_same_of_an_order(house, capsys):
    def script(house):
        house.until(lambda status: status["counts"]["fills"] >= 5)
        house.code, house.live = why("last", capsys)
        number = house.live["client_order_id"]
        orders = house.ask("orders", limit=1_000)["orders"]
        house.known = any(order["client_order_id"] == number for order in orders)

    with emulator(house.addresses_file):
        house.trade(script, eager())
    code, landed = why(house.live["client_order_id"], capsys)

    live = house.live
    assert (house.code, code, house.known) == (0, 0, True)
    assert (live["records"]["place"], landed["records"]["place"]) == ("journal", "lake")
    assert live["journal"]["path"].endswith(".part") and landed["journal"]["state"] == "ok"
    for key in ("books", "forecast", "client_order_id"):
        assert landed[key] == live[key], key
    assert landed["records"]["decision"] == live["records"]["decision"]
    assert landed["forecast"]["model_id"] == 0xAAAAAAAA
    assert {abs(row["mid_bps_5"]) for row in landed["forecast"]["values"]} == {50.0}


def test_what_is_not_there_is_told_in_one_line_each(house, capsys):
    with emulator(house.addresses_file):
        house.trade(lambda house: house.until(lambda status: status["counts"]["fills"] >= 1), eager())

    code = main(["why", "last"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0  # nothing is altered
    assert sum(line.startswith("  missing  raw frame: no raw segment holds this frame") for line in lines) == 3
    (bundle,) = [line for line in lines if line.startswith(f"  missing  {'a' * 64}")]
    assert "expected a sealed bundle, found none" in bundle


def test_a_journal_with_another_byte_is_told_as_altered(house, capsys):
    with emulator(house.addresses_file):
        ended = house.trade(lambda house: house.until(lambda status: status["counts"]["fills"] >= 5), eager())
    forge(ended.journal)

    code, chain = why("last", capsys)

    assert code == 5 and chain["journal"]["state"] == "altered"
    assert "its outputs differ from the session's at" in chain["journal"]["words"]


def forge(path):
    """Write a journal again with one forecast turned round; every checksum holds."""
    import native
    from streaming.segments import SegmentWriter

    journal, is_forged = Journal(path), False
    steps = [(step.block, step.records.copy(), step.digest, step.seq, step.ts_ns) for step in journal.steps()]
    writer = SegmentWriter(path, journal.header)
    for block, records, digest, seq, ts_ns in steps:
        for row in records:
            payload = bytearray(block[int(row["offset"]) : int(row["offset"]) + int(row["length"])])
            if row["kind"] == KIND_FORECAST and not is_forged:
                payload[16:] = bytes(len(payload) - 16)
                is_forged = True
            words = (int(row[name]) for name in ("kind", "source", "seq", "ts_ns"))
            writer.extend(native.encode_record(*words, bytes(payload)))
        if digest:
            writer.extend(native.encode_record(6, 0, seq, ts_ns, digest))
    writer.close()
    assert is_forged


@pytest.mark.parametrize(
    ("text", "number"), [("528280977409", 528280977409), ("0x7b00000001", 528280977409), ("last", None)]
)
def test_an_order_is_named_in_decimal_or_hex(text, number):
    assert order_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "-1", "first", str(1 << 64)])
def test_what_is_no_order_id_is_refused(text):
    with pytest.raises(UsageError, match="client order id"):
        order_number(text)
