"""A few of the thousands of `python tests/crashes.py`."""

import os

import crashes
import pytest
from test_crash import FRUITS, opened

from corpus import LibraryError
from index import Library

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def test_kills():
    assert crashes.kills(12, seed=3).total() == 12


def test_killed_syncs():
    assert crashes.syncs(3, seed=3).total() == 3


def test_flipped_bytes_are_refused_or_harmless():
    outcomes = crashes.flips(stride=1500, seed=5)
    assert outcomes.total() > 20
    assert not any("GONE" in outcome for outcome in outcomes)


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_failing_disk_loses_nothing(call, monkeypatch):
    monkeypatch.setattr(crashes, "CALLS", (call,))
    monkeypatch.setattr(crashes, "FAULTS", crashes.FAULTS[:1])
    assert crashes.faults()[f"{call}: failed"] > 0


def test_a_crowd_sees_whole_generations():
    assert crashes.crowd(60, readers=2, writers=1) == {"answered": 60}


def test_an_altered_text_is_never_quoted(tmp_path):
    with opened(tmp_path / "library") as library:
        library.add(FRUITS[:1])
        library._database.write("UPDATE articles SET text = replace(text, 'picked', 'packed')", ())
    with opened(tmp_path / "library") as library:
        for use in (lambda: library.search("fruit"), lambda: library.article(FRUITS[0].id), library.check):
            with pytest.raises(LibraryError, match=r"is damaged|is altered"):
                use()


def test_a_library_from_before_there_were_seals_still_opens(tmp_path):
    with opened(tmp_path / "library") as library:
        library.add(FRUITS[:1])
        for column in ("seal", "passages_seal"):
            library._database.write(f"ALTER TABLE articles DROP COLUMN {column}", ())
    with opened(tmp_path / "library") as library:
        library.check()
        assert library.article(FRUITS[0].id) == FRUITS[0]
        library.add(FRUITS[1:2])
        assert isinstance(library, Library)
        library.check()
