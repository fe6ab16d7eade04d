"""The shadow's file: gone on with after a kill, and no reason to end anything."""

import resource
import signal

import numpy as np
import pytest

from streaming.shell.shadow_file import WAITING_MAX, ShadowFile
from streaming.trader.shadow import read_shadow

VALUES = np.ones((5, 60), dtype=np.float32)


def add(file, count):
    for number in range(count):
        file.add(1_000 + number, number, 7, VALUES)


def seqs(path):
    return [item.seq for item in read_shadow(path)]


def test_nothing_is_written_before_there_is_something_to_write(tmp_path):
    file = ShadowFile(tmp_path / "folder" / "x.shadow")
    file.flush()
    file.close()

    assert not (tmp_path / "folder").exists()


def test_after_a_kill_the_torn_record_is_cut_off_and_counting_goes_on(tmp_path):
    path = tmp_path / "x.shadow"
    first = ShadowFile(path)
    add(first, 3)
    first.flush()
    path.write_bytes(path.read_bytes()[:-5])

    second = ShadowFile(path)
    add(second, 2)
    second.close()

    assert seqs(path) == [1, 2, 3, 4] and second.written == 2


def test_a_damaged_file_takes_no_more_and_says_so(tmp_path):
    path = tmp_path / "x.shadow"
    file = ShadowFile(path)
    add(file, 2)
    file.close()
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)

    again = ShadowFile(path)
    add(again, 1)

    assert again.dropped == 1 and "x.shadow" in again.last_problem


def test_what_waits_is_bounded(tmp_path):
    file = ShadowFile(tmp_path / "x.shadow")
    add(file, WAITING_MAX + 10)
    file.close()

    assert file.dropped == 10 and file.written == WAITING_MAX
    assert seqs(tmp_path / "x.shadow")[0] == 11


@pytest.fixture
def small_files():
    """No file of this process may grow beyond 4 KiB."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_drops_and_counts_and_leaves_whole_records(tmp_path, small_files):
    path = tmp_path / "x.shadow"
    file = ShadowFile(path)
    add(file, 10)
    file.flush()
    add(file, 100)
    file.flush()

    assert (file.written, file.dropped) == (10, 100) and "File too large" in file.last_problem
    assert seqs(path) == list(range(1, 11))
