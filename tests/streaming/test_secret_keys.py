"""Keys are read from their places, and nothing that is said of them shows a sign of one."""

import os
import pickle
import sys
from pathlib import Path
from types import ModuleType

import pytest

from streaming.errors import RefusedError
from streaming.secret_keys import (
    Credentials,
    KeyReferenceError,
    Secret,
    environment_without_keys,
    parse_reference,
    read_credentials,
    read_secret,
)

KEY = "kX7unlikelyKeyOfTests0001"
PEM_SEED = bytes(range(32))


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_key_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_VENUE_KEY", f" {KEY}\n")

    assert read_secret(parse_reference("env:SOME_VENUE_KEY")).reveal() == KEY


def test_a_child_that_needs_no_key_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOB_TEST_KEY", "k" * 20)
    monkeypatch.setenv("LOB_TEST_OTHER", "other")
    read_secret(parse_reference("env:LOB_TEST_KEY"))

    found = environment_without_keys()

    assert "LOB_TEST_KEY" not in found and found["LOB_TEST_OTHER"] == "other"
    assert os.environ["LOB_TEST_KEY"] == "k" * 20


def test_a_key_is_read_from_a_file_of_mode_600(tmp_path: Path) -> None:
    path = write(tmp_path / "key", f"{KEY}\n")

    assert read_secret(parse_reference(f"file:{path}")).reveal() == KEY


@pytest.mark.parametrize(
    "text", [f'[venue]\nkey = "{KEY}"\n', f'{{"venue": {{"key": "{KEY}"}}}}'], ids=["toml", "json"]
)
def test_one_value_of_a_file_of_many_is_named_by_its_path(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "keys", text)

    assert read_secret(parse_reference(f"file:{path}#venue.key")).reveal() == KEY


def test_a_key_is_read_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = ModuleType("keyring")
    kept = {("lob", "key"): KEY}
    monkeypatch.setattr(ring, "get_password", lambda service, name: kept.get((service, name)), raising=False)
    monkeypatch.setitem(sys.modules, "keyring", ring)

    assert read_secret(parse_reference("keyring:lob/key")).reveal() == KEY
    with pytest.raises(RefusedError, match="found nothing; keyring set lob other"):
        read_secret(parse_reference("keyring:lob/other"))


def test_a_keyring_that_fails_is_told_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = ModuleType("keyring")

    def fail(service: str, name: str) -> str:
        raise OSError(f"locked, and it holds {KEY}")

    monkeypatch.setattr(ring, "get_password", fail, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", ring)

    with pytest.raises(RefusedError, match="the keyring does not answer") as told:
        read_secret(parse_reference("keyring:lob/key"))
    assert KEY not in str(told.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o604])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "key", KEY, mode)

    with pytest.raises(RefusedError, match=f"expected mode 600, found {mode:o}") as told:
        read_secret(parse_reference(f"file:{path}"))
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    ("text", "inner", "words"),
    [
        (f"{KEY} {KEY}", "", "expected one word"),
        ("", "", "found nothing"),
        (f"{KEY} = = nonsense", "#key", "expected TOML or JSON"),
        (f'key = "{KEY}"', "#other", "expected a text under that key"),
        (f'[key]\nof = "{KEY}"', "#key", "expected a text under that key"),
        (f'key = "{KEY}"', "#key.deeper", "expected a text under that key"),
    ],
)
def test_what_is_no_key_is_refused_without_a_word_of_it(tmp_path: Path, text: str, inner: str, words: str) -> None:
    path = write(tmp_path / "key", text)

    with pytest.raises(RefusedError, match=words) as told:
        read_secret(parse_reference(f"file:{path}{inner}"))
    assert KEY not in str(told.value)


def test_a_link_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "key", KEY)
    (tmp_path / "link").symlink_to(tmp_path / "key")
    (tmp_path / "folder").mkdir()

    for name in ("link", "folder", "nothing"):
        with pytest.raises(RefusedError, match=str(tmp_path / name)):
            read_secret(parse_reference(f"file:{tmp_path / name}"))


@pytest.mark.parametrize("text", [KEY, f"env{KEY}", "env:", "file:relative/key", "keyring:only", "vault:x", "file:#a"])
def test_a_text_that_names_no_place_is_not_repeated(text: str) -> None:
    with pytest.raises(KeyReferenceError) as told:
        parse_reference(text)

    assert text not in str(told.value)


def test_a_secret_shows_itself_to_nobody() -> None:
    kept = Credentials(Secret(KEY), Secret(KEY))

    assert KEY not in f"{kept} {kept!r} {[kept]} {kept.secret!s}"
    assert kept.secret == Secret(KEY)
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(kept.secret)


def test_the_secret_says_how_it_signs(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.from_private_bytes(PEM_SEED)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    api = f"file:{write(tmp_path / 'api', KEY)}"
    hmac = read_credentials(api, f"file:{write(tmp_path / 'hmac', KEY)}").signer()
    ed25519 = read_credentials(api, f"file:{write(tmp_path / 'pem', pem)}").signer()

    assert (len(hmac.sign("x")), hmac.may_log_on) == (64, False)
    assert (len(ed25519.sign("x")), ed25519.may_log_on) == (88, True)


def test_a_private_key_of_another_kind_is_refused_without_a_word_of_it(tmp_path: Path) -> None:
    text = f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n"
    api = f"file:{write(tmp_path / 'api', KEY)}"
    kept = read_credentials(api, f"file:{write(tmp_path / 'pem', text)}")

    with pytest.raises(RefusedError, match="expected an Ed25519 private key") as told:
        kept.signer()
    assert KEY not in str(told.value)
