"""A library kept in step with a folder: what is unchanged costs nothing, what is gone leaves everywhere at once."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from conftest import HashEmbedder

from app.sync import sync
from corpus import Article, ArticleFileError
from index import Library

SENTENCES = [
    f"Sentence number {number} says that the {number}th boat left the harbour at dawn." for number in range(60)
]


class CountingEmbedder(HashEmbedder):
    """Counts the passages that it embeds."""

    def __init__(self):
        super().__init__()
        self.texts: list[str] = []

    def encode_passages(self, texts):
        self.texts += texts
        return super().encode_passages(texts)


@pytest.fixture
def embedder():
    return CountingEmbedder()


@pytest.fixture
def library(embedder, tmp_path):
    with Library.open(tmp_path / "library", embedder=embedder) as library:
        yield library


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "notes"
    (folder / "more").mkdir(parents=True)
    (folder / "boats.txt").write_text("\n".join(SENTENCES))
    (folder / "more" / "tea.txt").write_text("Tea was served at four.")
    (folder / "rows.jsonl").write_text(
        '{"id": "x", "text": "The first row."}\n{"id": "y", "text": "The second row."}\n'
    )
    return folder


def touch(path, text=None):
    if text is not None:
        path.write_text(text)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 5_000_000_000))


def texts(library):
    return sorted(library.article(info.id).text[:20] for info in library.articles())


def test_new_files_come_in_and_nothing_is_done_twice(library, folder, embedder):
    done = sync(library, folder)
    assert (len(done.new), done.unchanged, len(library)) == (3, 0, 4)
    embedder.texts.clear()
    generation = library.generation
    again = sync(library, folder)
    assert (again.new, again.changed, again.gone, again.unchanged) == ([], [], [], 3)
    assert (embedder.texts, library.generation) == ([], generation)


def test_a_file_that_was_only_touched_is_unchanged(library, folder, embedder):
    sync(library, folder)
    touch(folder / "boats.txt")
    embedder.texts.clear()
    assert sync(library, folder).unchanged == 3
    assert embedder.texts == []


def test_one_changed_sentence_embeds_only_the_passages_that_hold_it(library, folder, embedder):
    sync(library, folder)
    embedder.texts.clear()
    changed = SENTENCES[30].replace("boat", "ferry")
    touch(folder / "boats.txt", "\n".join([*SENTENCES[:30], changed, *SENTENCES[31:]]))
    done = sync(library, folder)
    assert (done.changed, done.unchanged) == ([folder / "boats.txt"], 2)
    assert 1 <= len(embedder.texts) <= 2
    assert all(changed in text for text in embedder.texts)
    assert library.search("ferry", k=1)[0].passage.text.count("ferry") == 1


def test_articles_of_files_that_are_gone_leave_everywhere(library, folder, tmp_path):
    sync(library, folder)
    (folder / "more" / "tea.txt").unlink()
    done = sync(library, folder)
    assert done.gone == [folder / "more" / "tea.txt"]
    assert len(library) == 3
    assert all("Tea" not in hit.passage.text for hit in library.search("tea at four", k=20))
    with sqlite3.connect(tmp_path / "library" / "library.sqlite") as database:
        assert database.execute("SELECT count(*) FROM files").fetchone() == (2,)


def test_a_row_that_is_gone_from_a_file_of_several_leaves(library, folder):
    sync(library, folder)
    touch(folder / "rows.jsonl", '{"id": "y", "text": "The second row, changed."}\n{"id": "z", "text": "A third."}\n')
    sync(library, folder)
    assert texts(library)[:2] == ["A third.", "Sentence number 0 sa"]
    assert not any(text.startswith("The first row") for text in texts(library))


def test_what_came_from_elsewhere_is_not_touched(library, folder, tmp_path):
    library.add([Article("mine", "Mine", "Added by hand.", "elsewhere")])
    other = tmp_path / "notes-2"
    shutil.copytree(folder, other)
    sync(library, folder)
    sync(library, other)
    shutil.rmtree(folder / "more")
    (folder / "boats.txt").unlink()
    sync(library, folder)
    assert "Added by hand." in texts(library)
    assert sync(library, other).unchanged == 3
    assert texts(library).count("Tea was served at fo") == 1


def test_a_file_that_broke_keeps_its_article(library, folder):
    sync(library, folder)
    touch(folder / "boats.txt", "")
    done = sync(library, folder)
    assert len(done.failures) == 1
    assert "Sentence number 0 sa" in texts(library)
    touch(folder / "boats.txt", "Mended now.")
    assert sync(library, folder).changed == [folder / "boats.txt"]
    assert "Sentence number 0 sa" not in texts(library)


def test_a_folder_that_moved(library, folder, tmp_path):
    sync(library, folder)
    moved = tmp_path / "moved"
    folder.rename(moved)
    assert len(sync(library, moved).new) == 3
    with pytest.raises(ArticleFileError, match="there is no such folder"):
        sync(library, folder)
    folder.mkdir()
    with pytest.raises(ArticleFileError, match="no articles in this folder"):
        sync(library, folder)


def test_a_dry_run_changes_nothing(library, folder):
    done = sync(library, folder, dry_run=True)
    assert (len(done.new), len(library), library.generation) == (3, 0, 0)
    sync(library, folder)
    (folder / "boats.txt").unlink()
    touch(folder / "more" / "tea.txt", "Coffee.")
    generation = library.generation
    done = sync(library, folder, dry_run=True)
    assert (done.gone, done.changed) == ([folder / "boats.txt"], [folder / "more" / "tea.txt"])
    assert library.generation == generation


def test_stopped_before_it_was_remembered_it_is_made_right(library, folder, monkeypatch):
    sync(library, folder)
    touch(folder / "rows.jsonl", '{"id": "y", "text": "The second row."}\n')
    with monkeypatch.context() as patched:
        patched.setattr(library, "remember_files", lambda told: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sync(library, folder)
    assert sync(library, folder).changed == [folder / "rows.jsonl"]
    assert not any(text.startswith("The first row") for text in texts(library))
    assert sync(library, folder).unchanged == 3


@pytest.mark.skipif(os.name != "posix", reason="such a name cannot be given here")
def test_odd_names(library, folder):
    odd = os.fsdecode(os.fsencode(folder) + b"/odd \xff\nname.txt")
    with Path(odd).open("w") as file:
        file.write("An odd one.")
    assert len(sync(library, folder).new) == 4
    assert sync(library, folder).unchanged == 4
