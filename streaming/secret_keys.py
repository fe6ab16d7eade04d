"""Where API keys and secrets are kept, and how they are read: the environment, a keyring, or a file of mode 600.

Settings name a place, never a key. What is read lives in a `Secret`, which shows itself to nobody: not in `repr`, not
in an error, not when it is pickled into a message. A problem names the place and what to do, never what stands there.
"""

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from streaming.errors import RefusedError

if TYPE_CHECKING:
    from streaming.venues.signing import Signer

SCHEMES: Final = "env:NAME, keyring:SERVICE/NAME, file:/PATH, file:/PATH#KEY.KEY"
FILE_BYTES_MAX: Final = 1 << 16
_KINDS: Final = ("env", "keyring", "file")
_READ_NAMES: Final[set[str]] = set()
"""Variables of the environment that this process took for keys."""
_PEM: Final = "-----BEGIN "


class KeyReferenceError(ValueError):
    """A text names no place of a key; it is not repeated, as it may be a key itself."""


class Secret:
    """A text that shows itself to nobody but who asks for it by `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; keep it out of every message."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True, slots=True)
class KeyReference:
    """A place: `kind` is env, keyring or file; `inner` the dotted key within a TOML or JSON file."""

    kind: str
    place: str
    inner: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}{f'#{self.inner}' if self.inner else ''}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key and what it signs with."""

    api_key: Secret
    secret: Secret

    def signer(self) -> "Signer":
        """Return what signs requests: Ed25519 for a private key in PEM, HMAC for any other text.

        RefusedError, without a word of it, for a secret that is neither.
        """
        from streaming.venues.signing import KeyTextError, signer_of

        try:
            return signer_of(self.secret.reveal())
        except KeyTextError as error:
            raise RefusedError(
                f"secret: {error}; make a key at the venue, or: openssl genpkey -algorithm ed25519"
            ) from None


def parse_reference(text: str) -> KeyReference:
    """Return the place that a setting names; KeyReferenceError, without the text, when it is none."""
    kind, _, place = text.partition(":")
    inner = ""
    if kind == "file":
        place, _, inner = place.partition("#")
    is_whole = kind in _KINDS and bool(place)
    if kind == "file" and not place.startswith(("/", "~/")):
        is_whole = False
    if kind == "keyring":
        service, _, name = place.partition("/")
        is_whole = bool(service and name)
    if not is_whole:
        raise KeyReferenceError("expected the place of a key, found another form")
    return KeyReference(kind, place, inner)


def read_credentials(api_key: str, secret: str) -> Credentials:
    """Return key and secret from their places.

    RefusedError, without a word of what stands there, when a place is empty, cannot be read, or may be read by others.
    """
    return Credentials(read_secret(parse_reference(api_key)), read_secret(parse_reference(secret)))


def read_secret(reference: KeyReference) -> Secret:
    """Return what stands at a place; RefusedError as `read_credentials`."""
    text = _READERS[reference.kind](reference).strip()
    if not text:
        raise RefusedError(f"{reference}: expected a key, found nothing; {_advice(reference)}")
    if not text.startswith(_PEM) and any(sign.isspace() or not sign.isprintable() for sign in text):
        raise RefusedError(f"{reference}: expected one word, found several; {_advice(reference)}")
    return Secret(text)


def environment_without_keys() -> dict[str, str]:
    """Return this process's environment without the keys that were read from it: for children that need none."""
    return {name: value for name, value in os.environ.items() if name not in _READ_NAMES}


def _read_environment(reference: KeyReference) -> str:
    _READ_NAMES.add(reference.place)
    return os.environ.get(reference.place, "")


def _read_keyring(reference: KeyReference) -> str:
    service, _, name = reference.place.partition("/")
    try:
        import keyring

        return keyring.get_password(service, name) or ""
    except Exception as error:  # backends raise what they like; their words may hold what they found
        kind = type(error).__name__
        raise RefusedError(f"{reference}: the keyring does not answer ({kind}); unlock it, or name a file") from None


def _read_file(reference: KeyReference) -> str:
    path = Path(reference.place).expanduser()
    try:
        text = _own_text(path)
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror or 'cannot be read'}; {_advice(reference)}") from None
    except UnicodeDecodeError:
        raise RefusedError(f"{path}: expected text, found other bytes; {_advice(reference)}") from None
    return _inner(reference, path, text) if reference.inner else text


def _own_text(path: Path) -> str:
    """Return the text of a regular file of this user's own that nobody else may read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            raise RefusedError(f"{path}: expected a file of this user's own, found another's; chown it")
        if found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise RefusedError(
                f"{path}: expected mode 600, found {mode:o}: others may have read it; make new keys at the venue, then "
                f"chmod 600 {path}"
            )
        return file.read(FILE_BYTES_MAX).decode("utf-8")


def _inner(reference: KeyReference, path: Path, text: str) -> str:
    try:
        found: object = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError:  # its words are not repeated: they may be part of a key
        raise RefusedError(f"{path}: expected TOML or JSON, found another form; {_advice(reference)}") from None
    for name in reference.inner.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, str):
        raise RefusedError(f"{reference}: expected a text under that key, found none; {_advice(reference)}")
    return found


def _advice(reference: KeyReference) -> str:
    return {
        "env": f"export {reference.place}=... for this process alone, or name a file",
        "keyring": f"keyring set {' '.join(reference.place.split('/', 1))}",
        "file": f"write it there with mode 600: (umask 077; cat > {reference.place})",
    }[reference.kind]


_READERS: Final = {"env": _read_environment, "keyring": _read_keyring, "file": _read_file}
