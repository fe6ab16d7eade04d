"""The live journal: what waits, what was handed over, and what is bounded."""

from pathlib import Path

import pytest
from paper_market import plan_of

import native
from streaming.journal import Journal
from streaming.live_journal import LiveJournal
from streaming.segments import BLOCK_BYTES, KIND_FRAME, KIND_TIMER


@pytest.fixture
def journal(tmp_path: Path) -> LiveJournal:
    return LiveJournal(tmp_path / "paper-1.seg.zst", plan_of().header)


def timer(seq: int) -> bytes:
    return native.encode_record(KIND_TIMER, 0, seq, seq, b"")


def seqs(path: Path) -> list[int]:
    return [seq for step in Journal(path).steps() for seq in step.records["seq"].tolist()]


def test_what_waits_is_not_in_the_file_before_it_is_flushed(journal: LiveJournal, tmp_path: Path) -> None:
    part = tmp_path / "paper-1.seg.zst.part"
    journal.append(timer(1))
    before = seqs(part)

    journal.flush()
    journal.append(timer(2))

    assert before == []
    assert seqs(part) == [1]


def test_what_waits_is_bounded_by_one_block(journal: LiveJournal, tmp_path: Path) -> None:
    frame = native.encode_record(KIND_FRAME, 0, 1, 1, bytes(BLOCK_BYTES // 2))
    journal.append(frame)
    empty = journal.size_bytes

    journal.append(frame)

    assert journal.size_bytes > empty
    assert len(seqs(tmp_path / "paper-1.seg.zst.part")) == 2


def test_sealed_journal_holds_everything_under_its_own_name(journal: LiveJournal, tmp_path: Path) -> None:
    journal.append(timer(1))

    path = journal.seal()

    assert path == tmp_path / "paper-1.seg.zst"
    assert seqs(path) == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_abandoned_journal_keeps_what_was_flushed_and_is_appended_to(journal: LiveJournal, tmp_path: Path) -> None:
    journal.append(timer(1))
    journal.flush()
    journal.append(timer(2))
    journal.abandon()

    again = LiveJournal.reopen(tmp_path / "paper-1.seg.zst")
    again.append(timer(3))

    assert seqs(again.seal()) == [1, 3]


def test_journal_that_was_sealed_takes_nothing_more(journal: LiveJournal, tmp_path: Path) -> None:
    path = journal.seal()

    with pytest.raises(OSError, match=r"sealed: .*paper-1"):
        journal.append(timer(1))

    assert seqs(path) == []


def test_sealed_journal_is_not_written_over_by_one_of_its_name(journal: LiveJournal, tmp_path: Path) -> None:
    journal.append(timer(1))
    path = journal.seal()

    with pytest.raises(FileExistsError, match=r"paper-1"):
        LiveJournal(path, plan_of().header)

    assert seqs(path) == [1]


def test_journal_that_is_growing_already_is_not_begun_again(journal: LiveJournal, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        LiveJournal(tmp_path / "paper-1.seg.zst", plan_of().header)
