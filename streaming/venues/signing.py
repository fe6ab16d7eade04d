"""Signatures of private requests: HMAC-SHA256 with a shared secret, or Ed25519 with a key pair.

What text is signed is each venue's affair; here is only how. Binance takes both kinds (spot documentation "Request
Security", USD-M "General Info"), a session logon Ed25519 alone; Bybit takes HMAC. No signer shows its secret: neither
`repr`, nor errors, nor pickling.
"""

import base64
import hashlib
import hmac
from typing import Final, NoReturn, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

SEED_BYTES: Final = 32
_PEM: Final = "-----BEGIN "


RECV_WINDOW_MS_MAX: Final = 60_000
"""How old a request may be at the venue at most, by all three venues."""


def check_call_words(api_key: str, recv_window_ms: int) -> None:
    """Raise ValueError for a key or a receive window that no venue takes; the key is not shown."""
    if not api_key or not api_key.isascii() or not api_key.isprintable():
        raise ValueError("expected an API key of printable ASCII signs, found something else (it is not shown)")
    if not 0 < recv_window_ms <= RECV_WINDOW_MS_MAX:
        raise ValueError(f"expected a receive window of 1 to {RECV_WINDOW_MS_MAX} ms, found {recv_window_ms}")


class KeyTextError(ValueError):
    """A secret that is no usable key; the text says what is wrong and never shows any of it."""


class Signer(Protocol):
    """Signs texts of one key."""

    @property
    def may_log_on(self) -> bool:
        """Whether Binance lets a session log on with it, so that its requests need no signature each."""

    def sign(self, text: str) -> str:
        """Return the signature of the UTF-8 bytes of `text`, as the venue wants it written."""


class _Secret:
    """Holds what must not be shown or stored."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(secret not shown)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer holds a secret and is not pickled")


class HmacSigner(_Secret):
    """Lower-case hexadecimal HMAC-SHA256."""

    __slots__ = ("_begun",)
    may_log_on = False

    def __init__(self, secret: str) -> None:
        if not secret or not secret.isascii() or any(sign.isspace() for sign in secret):
            raise KeyTextError("expected an API secret of ASCII signs without spaces, found something else")
        self._begun = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def sign(self, text: str) -> str:
        """Return 64 hexadecimal digits."""
        code = self._begun.copy()  # the key's two hash blocks are computed once, not with every order
        code.update(text.encode())
        return code.hexdigest()


class Ed25519Signer(_Secret):
    """Base64 of the 64 bytes of an Ed25519 signature."""

    __slots__ = ("_key",)
    may_log_on = True

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def from_seed(cls, seed: bytes) -> "Ed25519Signer":
        """Return the signer of a raw private key of 32 bytes."""
        if len(seed) != SEED_BYTES:
            raise KeyTextError(f"expected an Ed25519 private key of {SEED_BYTES} bytes, found {len(seed)}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def from_pem(cls, text: str, password: str | None = None) -> "Ed25519Signer":
        """Return the signer of a PKCS#8 private key in PEM, as `openssl genpkey -algorithm ed25519` writes it."""
        try:
            key = load_pem_private_key(text.encode(), None if password is None else password.encode())
        except TypeError:
            wanted = "a password, found none" if password is None else "no password: the key is not encrypted"
            raise KeyTextError(f"private key: expected {wanted}") from None
        except (ValueError, UnsupportedAlgorithm):
            # the library's own words may quote the key's bytes
            raise KeyTextError(
                "expected an Ed25519 private key in PEM, found text that cannot be read as one"
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyTextError(f"expected an Ed25519 private key, found {type(key).__name__.strip('_')}")
        return cls(key)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that the venue knows."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, text: str) -> str:
        """Return 88 signs of base64."""
        return base64.b64encode(self._key.sign(text.encode())).decode("ascii")


def signer_of(secret: str, password: str | None = None) -> Signer:
    """Return the signer of a secret as a person keeps it: PEM text is an Ed25519 key, anything else an HMAC secret."""
    text = secret.strip()
    return Ed25519Signer.from_pem(f"{text}\n", password) if text.startswith(_PEM) else HmacSigner(text)
