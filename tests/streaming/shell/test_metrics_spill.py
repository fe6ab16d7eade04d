"""The folder of points that wait: in order, bounded, and found again."""

import gzip
import os
from pathlib import Path

import pytest

from streaming.metrics.spill_format import member
from streaming.shell.metrics_spill import Spill

MIB = 1 << 20


def line(number: int) -> bytes:
    return b"a x=%di %d\n" % (number, number)


def filled(folder: Path, count: int, file_points: int = 3, bytes_max: int = MIB) -> Spill:
    spill = Spill(folder, bytes_max, file_points)
    for number in range(count):
        assert spill.append(line(number), 1) == 0
    return spill


def drained(spill: Spill) -> list[bytes]:
    """Take all files, as a sender does; return their contents."""
    found = []
    while (file := spill.oldest()) is not None:
        body = gzip.decompress(file.path.read_bytes())
        assert body.count(b"\n") == file.points
        found.append(body)
        spill.remove(file)
    return found


def test_points_come_back_in_order_in_files_of_a_requests_size(tmp_path: Path) -> None:
    spill = filled(tmp_path / "spill", 8)

    assert (spill.points, spill.size > 0) == (8, True)
    assert b"".join(drained(spill)) == b"".join(line(number) for number in range(8))
    assert (spill.points, spill.size, list((tmp_path / "spill").iterdir())) == (0, 0, [])


def test_the_next_process_finds_what_the_last_one_left(tmp_path: Path) -> None:
    filled(tmp_path, 8).close()
    later = filled(tmp_path, 2)

    assert later.points == 10
    assert b"".join(drained(later)) == b"".join(line(number) for number in [*range(8), 0, 1])


def test_what_a_killed_process_was_writing_is_cut_and_the_rest_is_kept(tmp_path: Path) -> None:
    filled(tmp_path, 8)
    (part,) = tmp_path.glob("*.part")
    with part.open("ab") as file:
        file.write(member(line(8))[:-3])

    assert b"".join(drained(Spill(tmp_path, MIB))) == b"".join(line(number) for number in range(8))


def test_a_file_with_nothing_whole_in_it_goes(tmp_path: Path) -> None:
    (tmp_path / "0000000001.lp.gz.part").write_bytes(member(line(1))[:9])

    assert Spill(tmp_path, MIB).oldest() is None and list(tmp_path.iterdir()) == []


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    spill = filled(tmp_path, 4)
    drained(spill)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_beyond_its_share_the_oldest_files_go_and_their_points_are_told(tmp_path: Path) -> None:
    size = len(member(line(0)))
    spill = Spill(tmp_path, 10 * size, 3)
    dropped = [spill.append(line(number % 10), 1) for number in range(20)]

    assert spill.size <= 10 * size
    assert sum(dropped) + spill.points == 20
    assert set(dropped) == {0, 3}, "whole files go"
    assert b"".join(drained(spill)) == b"".join(line(number % 10) for number in range(sum(dropped), 20))


def test_a_disk_that_is_full_leaves_no_half_written_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spill = filled(tmp_path, 2)
    write = os.write

    def half_of_it(descriptor: int, data: bytes) -> int:
        if len(data) < 10:
            raise OSError(28, "No space left on device")
        return write(descriptor, bytes(data[: len(data) // 2]))

    monkeypatch.setattr(os, "write", half_of_it)
    with pytest.raises(OSError, match="No space"):
        spill.append(line(2), 1)
    monkeypatch.undo()
    spill.append(line(3), 1)

    assert b"".join(drained(spill)) == line(0) + line(1) + line(3)


def test_a_folder_is_made_when_the_first_points_wait_and_not_before(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "spill", MIB)
    assert spill.oldest() is None and not (tmp_path / "spill").exists()
    spill.append(line(0), 1)

    assert (tmp_path / "spill").is_dir() and spill.points == 1
