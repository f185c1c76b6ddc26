"""Folders with everything in them that is no article: nothing outside is opened, nothing makes us wait."""

import os
import socket
from pathlib import Path

import pytest
from conftest import HashEmbedder

from app.intake import take_in
from corpus import ArticleFileError, find_files
from corpus.cell import Cell
from corpus.folders import opened
from corpus.raw import read_raw
from index import Library

pytestmark = pytest.mark.skipif(os.name != "posix", reason="such files are those of POSIX")
needs_permissions = pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "articles"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "a.txt").write_text("Inside, on top.")
    (folder / "deep" / "deeper" / "b.txt").write_text("Inside, below.")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("A secret.")
    return folder


def test_only_regular_files_inside_are_found(folder, tmp_path, monkeypatch):
    (folder / "link.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (folder / "dangling.txt").symlink_to(tmp_path / "nowhere.txt")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    (folder / "self.txt").symlink_to(folder / "self.txt")
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as door:
        monkeypatch.chdir(folder)
        door.bind("s.txt")
    (folder / "folder.txt").mkdir()
    (folder / ".hidden.txt").write_text("Hidden.")
    (folder / ".git").mkdir()
    (folder / ".git" / "c.txt").write_text("Hidden as well.")
    (folder / "new\nline \u202e.txt").write_text("An odd name.")
    odd = os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.txt")
    with os.fdopen(os.open(odd, os.O_CREAT | os.O_WRONLY), "w") as file:
        file.write("A name in no encoding.")
    with Library.in_memory(HashEmbedder()) as library:
        taken = take_in(library, [folder])
        texts = sorted(library.article(article_id).text for article_id, _ in taken.articles)
    assert texts == ["A name in no encoding.", "An odd name.", "Inside, below.", "Inside, on top."]
    assert taken.failures == ()


def test_a_link_put_in_place_after_the_search_is_not_followed(folder, tmp_path):
    files = find_files([folder])
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (tmp_path / "outside" / "b.txt").write_text("Another secret.")
    (folder / "deep" / "deeper" / "b.txt").unlink()
    (folder / "deep" / "deeper").rmdir()
    (folder / "deep" / "deeper").symlink_to(tmp_path / "outside")
    with Cell() as cell:
        for path in files:
            with pytest.raises(ArticleFileError, match="a symbolic link has taken its place"):
                cell.read_file(path, inside=folder)


def test_a_pipe_put_in_place_does_not_make_us_wait(folder):
    (folder / "a.txt").unlink()
    os.mkfifo(folder / "a.txt")
    for inside in (folder, None):
        with pytest.raises(ArticleFileError, match="not a regular file"):
            read_raw(folder / "a.txt", inside=inside)
    with pytest.raises(ArticleFileError, match="not a regular file"):
        find_files([folder / "a.txt"])


def test_devices_are_no_articles():
    for device in ("/dev/zero", "/dev/null"):
        with pytest.raises(ArticleFileError, match="not a regular file"):
            find_files([device])


def test_a_link_that_is_named_is_the_user_s_own_choice(folder, tmp_path):
    (tmp_path / "mine.txt").symlink_to(folder / "a.txt")
    with Cell() as cell:
        assert cell.read_file(tmp_path / "mine.txt").articles[0].text == "Inside, on top."


@needs_permissions
def test_a_folder_that_cannot_be_listed_is_told_of(folder):
    (folder / "deep").chmod(0)
    try:
        with Library.in_memory(HashEmbedder()) as library:
            taken = take_in(library, [folder])
    finally:
        (folder / "deep").chmod(0o755)
    assert len(taken.articles) == 1
    assert taken.failures == (f"{folder / 'deep'}: cannot be listed (Permission denied); check its permissions",)


def test_a_folder_that_goes_away_while_it_is_searched_is_told_of(folder, monkeypatch):
    listing = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with Library.in_memory(HashEmbedder()) as library:
        taken = take_in(library, [folder])
    assert (len(taken.articles), len(taken.failures)) == (1, 1)
    with pytest.raises(ArticleFileError, match="cannot be listed"):
        find_files([folder])


def test_many_files_are_found_in_order(tmp_path):
    for number in range(3000):
        (tmp_path / f"{number:05}.txt").touch()
    assert [path.stem for path in find_files([tmp_path])] == [f"{number:05}" for number in range(3000)]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are looked up in /proc")
def test_no_descriptors_are_left_open(folder):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        os.close(opened(folder / "deep" / "deeper" / "b.txt", inside=folder))
        with pytest.raises(FileNotFoundError):
            opened(folder / "deep" / "none" / "b.txt", inside=folder)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
