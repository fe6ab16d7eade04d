"""The venues' own signature examples, and what a signer must never show."""

import base64
import copy
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from streaming.venues.signing import Ed25519Signer, HmacSigner, KeyTextError, signer_of

SPOT_DOCS = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
USDM_DOCS = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
OWN = "test-secret-0001"
BYBIT_BODY = (
    '{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.001","price":"60000.1",'
    '"timeInForce":"PostOnly","orderLinkId":"mm-1"}'
)
SEED = bytes(range(32))

VECTORS = {
    "spot REST": (
        SPOT_DOCS,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
        "&timestamp=1499827319559",
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ),
    "spot socket": (
        SPOT_DOCS,
        "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A&price=52000.00&quantity=0.01000000"
        "&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT",
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
    "USD-M REST": (
        USDM_DOCS,
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        "&timestamp=1591702613943",
        "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
    ),
    "USD-M socket": (
        OWN,
        "apiKey=TESTKEY0001&price=60000.10&quantity=0.002&side=BUY&symbol=BTCUSDT&timeInForce=GTX"
        "&timestamp=1790000000000&type=LIMIT",
        "6e83df24231db526ecbae45484c3b8789d49fd4dab193e27575b606a21cd1ede",
    ),
    "spot subscription": (
        OWN,
        "apiKey=TESTKEY0001&timestamp=1790000000000",
        "4ed230201e85f2c6d69d603b4c8534d643e12db589ff3de28e6ea8e05f08f24d",
    ),
    "percent-encoded symbol": (
        OWN,
        "symbol=%E5%B8%81%E5%AE%89USDT&timestamp=1790000000000",
        "88bc2ffb42136d3d56b19c9d165049819d2bde0806c3a84445a08105e5734a78",
    ),
    "raw symbol": (
        OWN,
        "apiKey=TESTKEY0001&symbol=币安USDT&timestamp=1790000000000",
        "275e7a8e879df453651889263a7fc34932ae1588bad101a182436dc13ec076d4",
    ),
    "Bybit POST": (
        OWN,
        f"1790000000000TESTKEY00015000{BYBIT_BODY}",
        "b976af9ea881b27904ae0e2d816fb200c1e245f5989da655549c2aa8c729da76",
    ),
    "Bybit GET": (
        OWN,
        "1790000000000TESTKEY00015000category=spot&symbol=BTCUSDT",
        "f247e75157dd8018ac85618f0b65efb3d99e881466f8202b16da6df09be749de",
    ),
    "Bybit sockets": (
        OWN,
        "GET/realtime1790000010000",
        "e5a4300126c1629e54ff1e76ca45162c22bdc690a3b7b4cda7b564fdf6b3d2f8",
    ),
}


def pem(key: Ed25519PrivateKey | rsa.RSAPrivateKey, password: str | None = None) -> str:
    lock: KeySerializationEncryption = NoEncryption()
    if password is not None:
        lock = BestAvailableEncryption(password.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_hmac_signs_the_venues_examples_as_they_print_them(vector: tuple[str, str, str]) -> None:
    secret, text, signature = vector

    assert HmacSigner(secret).sign(text) == signature


def test_hmac_signs_the_same_text_the_same_way_again() -> None:
    signer = HmacSigner(OWN)

    assert signer.sign("a") != signer.sign("b")
    assert signer.sign("a") == HmacSigner(OWN).sign("a")


def test_ed25519_signs_as_its_standard_says() -> None:
    signer = Ed25519Signer.from_seed(SEED)

    assert base64.b64encode(signer.public_key) == b"A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    assert signer.sign("apiKey=TESTKEY0001&timestamp=1790000000000") == (
        "UCeyQ+njT5ctYiCfLCGc3PdIsvJWutjmYHZn9r6LgwS4C8uVICp2PmQbrnGRmIeJkHMEN+5FsagWLndN8XmECA=="
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_ed25519_signature_of_any_text_is_verified_by_the_public_key(text: str) -> None:
    signer = Ed25519Signer.from_seed(SEED)

    Ed25519PublicKey.from_public_bytes(signer.public_key).verify(base64.b64decode(signer.sign(text)), text.encode())


def test_only_an_ed25519_key_may_log_on() -> None:
    assert (HmacSigner(OWN).may_log_on, Ed25519Signer.from_seed(SEED).may_log_on) == (False, True)


def test_pem_text_is_an_ed25519_key_and_other_text_a_shared_secret() -> None:
    key = Ed25519PrivateKey.from_private_bytes(SEED)

    assert signer_of(pem(key)).sign("x") == Ed25519Signer.from_seed(SEED).sign("x")
    assert signer_of(f"\n{pem(key).strip()}  ").sign("x") == Ed25519Signer.from_seed(SEED).sign("x")
    assert signer_of(f"{OWN}\n").sign("x") == HmacSigner(OWN).sign("x")


def test_encrypted_key_opens_with_its_password_alone() -> None:
    text = pem(Ed25519PrivateKey.from_private_bytes(SEED), "open sesame")

    assert signer_of(text, "open sesame").sign("x") == Ed25519Signer.from_seed(SEED).sign("x")
    with pytest.raises(KeyTextError, match="expected a password, found none"):
        signer_of(text)
    with pytest.raises(KeyTextError, match="cannot be read"):
        signer_of(text, "open barley")


def test_password_for_a_key_that_has_none_is_named() -> None:
    with pytest.raises(KeyTextError, match="the key is not encrypted"):
        signer_of(pem(Ed25519PrivateKey.from_private_bytes(SEED)), "sesame")


def test_key_of_another_kind_is_named() -> None:
    with pytest.raises(KeyTextError, match="expected an Ed25519 private key, found RSAPrivateKey"):
        signer_of(pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)))


@pytest.mark.parametrize("secret", ["", " ", "two words", "über", "a\nb"])
def test_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(KeyTextError) as caught:
        signer_of(secret)

    assert not secret.strip() or secret not in str(caught.value)


def test_broken_key_is_refused_without_being_shown() -> None:
    text = pem(Ed25519PrivateKey.from_private_bytes(SEED)).replace("MC4CAQ", "SECRET")

    with pytest.raises(KeyTextError) as caught:
        signer_of(text)

    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_seed_of_another_length_is_refused() -> None:
    with pytest.raises(KeyTextError, match="expected an Ed25519 private key of 32 bytes, found 31"):
        Ed25519Signer.from_seed(SEED[:31])


@pytest.mark.parametrize("signer", [HmacSigner(OWN), Ed25519Signer.from_seed(SEED)])
def test_signer_shows_no_secret_and_cannot_be_stored(signer: HmacSigner | Ed25519Signer) -> None:
    assert "secret not shown" in repr(signer)
    assert OWN not in repr(signer)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)
    with pytest.raises(TypeError, match="not pickled"):
        copy.copy(signer)
