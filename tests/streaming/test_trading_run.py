"""What the trader refuses to start with, each by one line and exit code 3."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from ml.runtime import feature_schema_hash
from streaming.cli.main import main

INSTRUMENTS = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
MARKET_NS = 1_767_571_200 * 1_000_000_000  # where the generated market begins
WEIGHTS = ("weights.safetensors", "constants.safetensors")

Seal = Callable[..., str]


@pytest.fixture
def seal(data_dir: Path) -> Seal:
    """Write the outside of a bundle (what is checked before weights are read) and return its hash."""

    def write(schema: str = "", expires_ns: int = MARKET_NS + 10**15) -> str:
        manifest = {
            "format": "lob-bundle",
            "version": 1,
            "feature_schema": schema or feature_schema_hash(INSTRUMENTS, 100_000_000),
            "files": {name: hashlib.sha256(b"w").hexdigest() for name in WEIGHTS},
            "trained_until_ns": MARKET_NS - 1,
            "expires_ns": expires_ns,
        }
        data = orjson.dumps(manifest)
        folder = data_dir / "models" / hashlib.sha256(data).hexdigest()
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_bytes(data)
        for name in WEIGHTS:
            (folder / name).write_bytes(b"w")
        return folder.name

    main(["emulate", "--hours", "0.002", "--json"])
    return write


def refusal(bundle: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["start", "--mode", "replay", "--model", bundle]) == 3
    return capsys.readouterr().err


def test_altered_bundle_is_refused(data_dir: Path, seal: Seal, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = seal()
    (data_dir / "models" / bundle / WEIGHTS[0]).write_bytes(b"v")

    assert "altered since it was sealed" in refusal(bundle, capsys)


def test_bundle_of_a_foreign_feature_schema_is_refused(seal: Seal, capsys: pytest.CaptureFixture[str]) -> None:
    assert "made for feature schema" in refusal(seal(schema="0" * 64), capsys)


def test_bundle_that_expired_by_engine_time_is_refused(seal: Seal, capsys: pytest.CaptureFixture[str]) -> None:
    assert "expired" in refusal(seal(expires_ns=MARKET_NS - 1), capsys)


def test_refused_start_leaves_no_journal(data_dir: Path, seal: Seal, capsys: pytest.CaptureFixture[str]) -> None:
    refusal(seal(schema="0" * 64), capsys)

    assert not (data_dir / "journal").exists()


def test_model_without_limits_is_refused_by_the_name_of_the_key(
    settings_file: Path, seal: Seal, capsys: pytest.CaptureFixture[str]
) -> None:
    text = settings_file.read_text()
    begin, end = text.index("[native.risk]"), text.index("[native.limits")
    settings_file.write_text(text[:begin] + text[end:])

    assert "native.risk: expected limits" in refusal(seal(), capsys)
