"""The key that signs control: made once, for its owner alone, refused where somebody else could have had it."""

import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streaming.control_key import KEY_BYTES, NAME, control_key
from streaming.errors import RefusedError


def test_a_key_is_made_where_there_is_none_and_stays(tmp_path: Path) -> None:
    key = control_key(tmp_path / "run")

    assert len(key) == KEY_BYTES and key == control_key(tmp_path / "run")
    file = tmp_path / "run" / NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert bytes.fromhex(file.read_text()) == key
    assert [path.name for path in (tmp_path / "run").iterdir()] == [NAME]


def test_a_wide_umask_does_not_widen_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        control_key(tmp_path)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_many_that_make_one_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: control_key(tmp_path), range(64)))

    assert len(keys) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_one_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    control_key(tmp_path)
    (tmp_path / NAME).chmod(mode)

    with pytest.raises(RefusedError, match="remove it and a new one is made"):
        control_key(tmp_path)


def test_a_link_or_a_pipe_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("ab" * KEY_BYTES)
    (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match=re.escape(str(tmp_path / NAME))):
        control_key(tmp_path)
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to(tmp_path / "nowhere")
    with pytest.raises(RefusedError):
        control_key(tmp_path)
    assert not (tmp_path / "nowhere").exists()

    (tmp_path / NAME).unlink()
    os.mkfifo(tmp_path / NAME, 0o600)
    with pytest.raises(RefusedError, match="own"):
        control_key(tmp_path)


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "zz" * 32, "ä" * 32, " ".join(["abcd"] * 13)])
def test_what_is_no_key_is_refused_without_a_word_of_it(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    (tmp_path / NAME).chmod(0o600)

    with pytest.raises(RefusedError, match="64 hexadecimal digits") as caught:
        control_key(tmp_path)
    assert not text or text not in str(caught.value)


def test_where_none_can_be_made_the_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")

    with pytest.raises(RefusedError, match="no key can be kept there"):
        control_key(tmp_path / "run")
