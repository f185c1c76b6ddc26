import logging
import os
import shutil
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from conftest import HashEmbedder, article
from hypothesis import example, given
from hypothesis import strategies as st

from corpus import Anchor, Article, LibraryError, samples
from index import Added, Hit, Library, default_library_path, snapshots
from index.database import Database
from index.lexical import LexicalIndex
from index.searcher import heading, indexed_text

FRUITS = [article(name) for name in ("apple", "banana", "cherry", "damson", "elderberry")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


def opened(folder: Path, dimension: int = 32, **options: bool) -> Library:
    return Library.open(folder, embedder=HashEmbedder(dimension), **options)


def ids(library: Library) -> list[str]:
    return [info.id for info in library.articles()]


def found(hits: list[Hit]) -> list[str]:
    return [hit.article.id for hit in hits]


def numbers(hits: list[Hit]) -> list[tuple[str, int, float, float, float]]:
    return [(hit.article.id, hit.passage.start, hit.score, hit.dense, hit.lexical) for hit in hits]


def current_snapshot(folder: Path) -> Path:
    (snapshot,) = (folder / "snapshots").glob("g*")
    return snapshot


# --- what it keeps ------------------------------------------------------------------------------------------------


def test_add_replace_unchanged_remove(folder):
    with opened(folder) as library:
        assert len(library) == 0
        assert library.search("anything") == []
        assert library.add(FRUITS[:3]) == Added(added=3, passages=3)
        assert library.add(FRUITS[:3]) == Added(unchanged=3)
        changed = replace(FRUITS[1], text="Plantains are cooked.")
        assert library.add([FRUITS[0], changed, FRUITS[3]]) == Added(added=1, replaced=1, unchanged=1, passages=2)
        assert library.article("banana") == changed
        assert found(library.search("plantains cooked", k=1)) == ["banana"]
        assert "banana" not in [word for hit in library.search("banana") for word in hit.passage.text.lower().split()]
        assert library.remove("apple") == FRUITS[0]
        assert ids(library) == ["banana", "cherry", "damson"]
        assert "apple" not in found(library.search("apple"))
        library.check()


def test_everything_about_an_article_is_kept(folder):
    full = Article(
        id="full",
        title="Title – “quoted” 🙂",
        text="date 2023-01-02 Größe\r\n\tTabs and \u2028 and 👨‍👩‍👧 kept.",
        source="https://example.org/?a=1&b=2",
        published=date(2023, 1, 2),
        author="Ada Lunn",
        language="en",
        pages=(0, 10),
        anchors=(Anchor(3, "One"), Anchor(9, "Two")),
    )
    with opened(folder) as library:
        library.add([full, FRUITS[0]])
    with opened(folder) as library:
        assert library.article("full") == full
        assert library.article("apple") == FRUITS[0]
        (hit,) = library.search("größe tabs", k=1)
        assert hit.article == full
        info = library.articles()[0]
        assert (info.id, info.published, info.characters, info.passages) == ("full", full.published, len(full.text), 1)
        assert library.add([full]) == Added(unchanged=1)


def test_a_text_with_a_nul_is_whole(folder):
    """SQLite's own length() ends at the first NUL; texts from JSON Lines may hold one."""
    text = "The apple was found. \0 The banana was found after that."
    with opened(folder) as library:
        library.add([article("nul", text)])
        library.check()
        assert library.article("nul").text == text
        assert library.articles()[0].characters == len(text)
        assert "banana" in library.search("banana", k=1)[0].passage.text


def test_a_change_of_the_title_alone_replaces(folder):
    with opened(folder) as library:
        library.add(FRUITS[:1])
        assert library.add([replace(FRUITS[0], title="Zucchini")]).replaced == 1
        assert library.search("zucchini", k=1)[0].lexical > 0


def test_articles_are_listed_newest_first_then_by_id():
    dated = [replace(one, published=date(2020 + n, 1, 1)) for n, one in enumerate(FRUITS[:2])]
    with Library.in_memory(HashEmbedder()) as library:
        library.add([FRUITS[3], FRUITS[2], *dated])
        assert ids(library) == ["banana", "apple", "cherry", "damson"]


def test_the_library_is_as_it_was_after_reopening(folder):
    with opened(folder) as library:
        library.add(FRUITS)
        library.remove("cherry")
        before = library.generation, library.articles(), numbers(library.search("was the damson found"))
    for _ in range(2):
        with opened(folder) as library:
            assert (library.generation, library.articles(), numbers(library.search("was the damson found"))) == before


def test_generation_rises_by_one_with_every_change(folder):
    with opened(folder) as library:
        seen = [library.generation]
        for change in (
            lambda: library.add(FRUITS[:1]),
            lambda: library.add(FRUITS[1:2]),
            lambda: library.add([replace(FRUITS[0], text="Other.")]),
            lambda: library.remove("banana"),
        ):
            change()
            seen.append(library.generation)
        library.add([replace(FRUITS[0], text="Other.")])
        assert [*seen, library.generation] == [0, 1, 2, 3, 4, 4]


def test_every_article_that_is_in_is_told_of():
    stored: list[Article] = []
    with Library.in_memory(HashEmbedder()) as library:
        library.add(FRUITS[:2])
        library.add([*FRUITS, replace(FRUITS[0], source="elsewhere")], on_stored=stored.append)
        assert [library.article(one.id) for one in stored] == stored
    assert len(stored) == len(FRUITS) + 1


def test_articles_before_a_failing_one_stay(folder):
    def broken():
        yield from [article(f"fruit {number}", "One sentence here. " * 600) for number in range(40)]
        raise OSError("the disk went away")

    with opened(folder) as library:
        with pytest.raises(OSError, match="went away"):
            library.add(broken())
        kept = ids(library)
        assert kept
        assert len(library.search("sentence", k=3)) == 3
    with opened(folder) as library:
        assert ids(library) == kept


def test_an_article_without_words_is_kept():
    with Library.in_memory(HashEmbedder()) as library:
        assert library.add([article("empty", ""), article("space", " \n"), article("dots", "...")]).added == 3
        assert [info.passages for info in library.articles()] == [1, 0, 0]
        library.check()


# --- identifiers --------------------------------------------------------------------------------------------------


def test_the_same_id_from_another_source_gets_its_own(folder):
    one, other = article("apple", source="/a/apple.txt"), article("apple", "Cider is pressed.", source="/b/apple.txt")
    with opened(folder) as library:
        library.add([one])
        assert library.add([other]).added == 1
        assert len(library) == 2
        assert {library.article(name).text for name in ids(library)} == {one.text, other.text}
        assert library.add([one, other]) == Added(unchanged=2)


def test_the_same_id_from_two_sources_in_one_call_loses_neither(folder):
    one, other = article("apple", source="/a/apple.txt"), article("apple", "Cider is pressed.", source="/b/apple.txt")
    with opened(folder) as library:
        assert library.add([one, other]) == Added(added=2, passages=2)
        assert {library.article(name).text for name in ids(library)} == {one.text, other.text}


def test_an_article_keeps_its_own_id_when_the_first_of_that_name_goes(folder):
    one, other = article("apple", source="/a/apple.txt"), article("apple", "Cider is pressed.", source="/b/apple.txt")
    with opened(folder) as library:
        library.add([one])
        library.add([other])
        library.remove("apple")
        assert library.add([other]) == Added(unchanged=1)
        assert len(library) == 1


def test_the_same_article_twice_in_one_call_counts_once(folder):
    with opened(folder) as library:
        assert library.add([FRUITS[0], FRUITS[0]]) == Added(added=1, unchanged=1, passages=1)
        assert library.generation == 1


class Interrupted(HashEmbedder):
    """An embedder during which something else happens, once."""

    def __init__(self, meanwhile) -> None:
        super().__init__()
        self.meanwhile = [meanwhile]

    def encode_passages(self, texts):
        while self.meanwhile:
            self.meanwhile.pop()()
        return super().encode_passages(texts)


def test_the_same_id_from_two_processes_at_once_loses_neither(folder):
    one, other = article("apple", source="/a/apple.txt"), article("apple", "Cider is pressed.", source="/b/apple.txt")
    with opened(folder) as quick:
        with Library.open(folder, embedder=Interrupted(lambda: quick.add([other]))) as slow:
            assert slow.add([one]).added == 1
        assert {quick.article(name).text for name in ids(quick)} == {one.text, other.text}


def test_complete_id():
    with Library.in_memory(HashEmbedder()) as library:
        library.add([article(name) for name in ("race", "race-2020", "race-2021", "vase")])
        assert library.complete_id("v") == "vase"
        assert library.complete_id("race") == "race"
        with pytest.raises(LibraryError, match="race-2: several articles"):
            library.complete_id("race-2")
        for unknown in ("x", "Vase", "%", "_"):
            with pytest.raises(LibraryError, match="no article of this id"):
                library.complete_id(unknown)


@pytest.mark.parametrize("name", ["nothing", "", "apple%", "' OR 1=1 --"])
def test_an_unknown_id_is_an_error(name):
    with Library.in_memory(HashEmbedder()) as library:
        library.add(FRUITS[:1])
        for ask in (library.article, library.remove):
            with pytest.raises(LibraryError, match="no article of this id"):
                ask(name)
        assert len(library) == 1


# --- search -------------------------------------------------------------------------------------------------------


def test_hits_are_sorted_slices_of_their_articles(sample_library):
    for question in ("Who replaces Sims?", "How much did the vase sell for?", "kelp", "???", "x" * 500):
        hits = sample_library.search(question, k=20)
        assert len(hits) == 20
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert len({hit.passage for hit in hits}) == 20
        for hit in hits:
            assert hit.article == sample_library.article(hit.passage.article_id)
            assert hit.article.text[hit.passage.start : hit.passage.end] == hit.passage.text
            assert 0.0 <= hit.score <= 1.0
            assert -1.001 <= hit.dense <= 1.001
            assert hit.lexical >= 0.0


def test_k():
    with Library.in_memory(HashEmbedder()) as library:
        library.add(FRUITS)
        assert [len(library.search("found in spring", k=k)) for k in (0, 1, 3, 5, 100)] == [0, 1, 3, 5, 5]
        best = numbers(library.search("damson found in spring", k=5))
        assert numbers(library.search("damson found in spring", k=2)) == best[:2]


@pytest.fixture(scope="module")
def fruits():
    with Library.in_memory(HashEmbedder()) as library:
        library.add(FRUITS)
        yield library


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
@example("What does file_name mean?")  # the underscore made two words of one, and so a phrase, which has no index
@example("Where is Bİr?")  # so did the dot that lower case puts on this letter
def test_any_text_can_be_searched_for(fruits, question):
    assert len(fruits.search(question, k=4)) == 4


@pytest.mark.parametrize(
    "question",
    [
        "AND OR NOT",
        "body:apple",
        "+apple -fig",
        '"apple',
        "apple*",
        "(apple",
        "[a TO z]",
        "apple^2",
        "IN [apple]",
        "\\",
    ],
)
def test_query_syntax_is_just_words(fruits, question):
    hits = fruits.search(question)
    assert len(hits) == 5
    if "apple" in question:
        assert found(hits)[0] == "apple"


def test_words_match_without_regard_to_case_accents_and_endings():
    with Library.in_memory(HashEmbedder()) as library:
        library.add([article("one", "The CAFÉS were opened."), article("two", "Nothing of that sort.")])
        for question in ("cafe", "Café", "CAFES", "opening"):
            assert [hit.article.id for hit in library.search(question) if hit.lexical] == ["one"], question


def test_the_title_and_date_are_searched_too():
    dated = replace(FRUITS[0], title="Zucchini harvest", published=date(2021, 3, 4))
    assert heading(dated) == "Zucchini harvest (4 March 2021)"
    assert heading(FRUITS[0]) == "About apple"
    with Library.in_memory(HashEmbedder()) as library:
        library.add([*FRUITS[1:], dated])
        for question in ("zucchini", "march 2021"):
            hit = library.search(question, k=1)[0]
            assert (hit.article.id, hit.lexical > 0) == ("apple", True)
            assert indexed_text(dated, hit.passage) == f"{heading(dated)}\n{hit.passage.text}"


def test_in_memory_and_on_disk_find_the_same(folder):
    with opened(folder) as disk, Library.in_memory(HashEmbedder()) as memory:
        for library in (disk, memory):
            library.add(samples())
        for question in ("Who replaces Sims?", "How tall is the vase?", "found in spring"):
            assert numbers(disk.search(question)) == numbers(memory.search(question))


def test_the_history_of_a_library_does_not_change_what_it_finds(folder):
    """Many small changes on disk find the same as one library made at once: no trace of what was removed stays."""
    with opened(folder) as disk, Library.in_memory(HashEmbedder()) as memory:
        for sample in samples()[:4]:
            disk.add([replace(sample, text="The first version of this. " * 40)])
        for sample in samples()[:4]:
            disk.add([sample, article(f"extra-{sample.id}")])
            disk.remove(f"extra-{sample.id}")
        memory.add(samples()[:4])
        assert disk._indexes.current().dense.rows().tolist() == disk._database.passage_rows().tolist()
        for question in ("Who replaces Sims?", "How tall is the vase?", "first version"):
            ours, theirs = disk.search(question), memory.search(question)
            assert found(ours) == found(theirs)
            assert [hit.score for hit in ours] == pytest.approx([hit.score for hit in theirs])


# --- several at once ----------------------------------------------------------------------------------------------


def test_an_open_reader_sees_what_another_writes(folder):
    with opened(folder) as reader, opened(folder) as writer:
        assert reader.search("apple") == []
        for count, fruit in enumerate(FRUITS, start=1):
            writer.add([fruit])
            assert (len(reader), reader.generation) == (count, writer.generation)
            assert found(reader.search(fruit.id, k=1)) == [fruit.id]
        writer.remove("apple")
        assert "apple" not in found(reader.search("apple"))
        reader.add([replace(FRUITS[1], text="Plantain.")])
        assert writer.article("banana").text == "Plantain."
        assert found(writer.search("plantain", k=1)) == ["banana"]


def test_a_search_survives_the_removal_of_what_it_found(folder):
    """Another process removes an article between the search's look at the passages and its look at the articles."""
    with opened(folder) as reader, opened(folder) as writer:
        writer.add(FRUITS)
        reader.search("nothing read so far", k=1)
        reader._database._articles.clear()
        removed: list[str] = []

        def meanwhile(statement: str) -> None:
            if "FROM articles WHERE row IN" in statement and not removed:
                removed.append(writer.remove("apple").id)

        reader._database._connection.set_trace_callback(meanwhile)
        hits = reader.search("apple was found")
        reader._database._connection.set_trace_callback(None)
        assert removed == ["apple"]
        assert set(found(hits)) - {"apple"} == {fruit.id for fruit in FRUITS[1:]}
        assert "apple" not in found(reader.search("apple was found"))


def together(*jobs) -> None:
    """Run jobs in threads of their own; raises the first exception of any."""
    problems: list[BaseException] = []

    def run(job) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


@pytest.mark.parametrize("shared", [True, False], ids=["one object", "two objects"])
def test_writers_and_readers_at_once(folder, shared):
    versions = {fruit.id: {f"{fruit.text} Version {n}. " * 9 for n in range(6)} for fruit in FRUITS}
    stop = threading.Event()
    searches: list[int] = []

    def write(library: Library, fruits: list[Article]) -> None:
        for number in range(6):
            library.add(replace(fruit, text=f"{fruit.text} Version {number}. " * 9) for fruit in fruits)
            if number % 3 == 2:
                library.remove(fruits[0].id)

    def read(library: Library) -> None:
        while not stop.is_set() or not searches:
            for hit in library.search("the version that was found in spring", k=10):
                assert hit.article.text in versions[hit.article.id]
                assert hit.article.text[hit.passage.start : hit.passage.end] == hit.passage.text
            searches.append(1)

    def write_all(one: Library, other: Library) -> None:
        try:
            together(lambda: write(one, FRUITS[:2]), lambda: write(other, FRUITS[2:]))
        finally:
            stop.set()

    with opened(folder) as first, opened(folder) as second:
        other = first if shared else second
        readers = [first, first, other, other]
        together(lambda: write_all(first, other), *(lambda library=library: read(library) for library in readers))
        assert ids(second) == ["banana", "damson", "elderberry"]
        second.check()
        assert len(searches) >= 4
        assert numbers(first.search("version")) == numbers(second.search("version"))


def test_libraries_opened_at_once_in_a_new_folder(folder):
    together(*[lambda: opened(folder).close() for _ in range(6)])
    with opened(folder) as library:
        assert library.add(FRUITS).added == 5


# --- embedders ----------------------------------------------------------------------------------------------------


def test_another_embedder_is_refused_by_name(folder):
    with opened(folder) as library:
        library.add(FRUITS)
    with pytest.raises(LibraryError, match=r"hash-32.*hash-16.*rebuild"):
        opened(folder, 16)
    with pytest.raises(LibraryError, match=r"hash-32.*other-32"):
        Library.open(folder, embedder=HashEmbedder(name="other"))
    with opened(folder) as library:
        assert len(library.search("apple")) == 5


@pytest.mark.parametrize("dimension", [16, 32, 48])
def test_rebuild_with_another_embedder(folder, dimension):
    with opened(folder) as library:
        library.add(FRUITS)
    embedder = HashEmbedder(dimension, "other")
    with Library.open(folder, embedder=embedder, rebuild=True) as library:
        after = numbers(library.search("was the cherry found"))
    with Library.open(folder, embedder=embedder) as library, Library.in_memory(embedder) as fresh:
        fresh.add(FRUITS)
        assert numbers(library.search("was the cherry found")) == after
        assert after == numbers(fresh.search("was the cherry found"))
        assert [library.article(fruit.id) for fruit in FRUITS] == FRUITS
    with pytest.raises(LibraryError, match="rebuild"):
        opened(folder)


@pytest.mark.parametrize("dimension", [16, 32])
def test_a_library_rebuilt_elsewhere_is_refused_by_those_who_have_it_open(folder, dimension):
    """A server with the old embedder must neither search nor add to a library that was rebuilt with another."""
    embedder = HashEmbedder(dimension, "other")
    with opened(folder) as old:
        old.add(FRUITS)
        with Library.open(folder, embedder=embedder, rebuild=True) as new:
            with pytest.raises(LibraryError, match=f"other-{dimension}.*hash-32"):
                old.search("apple")
            with pytest.raises(LibraryError, match=f"other-{dimension}.*hash-32"):
                old.add([article("fig")])
            assert "fig" not in ids(new)
            assert len(new.search("fig")) == 5
    with Library.open(folder, embedder=embedder) as new:
        assert len(new.search("fig")) == 5


@pytest.mark.parametrize("rebuild", [False, True])
def test_a_newer_format_is_refused_and_left_alone(folder, rebuild):
    with opened(folder) as library:
        library.add(FRUITS)
    with sqlite3.connect(folder / "library.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'format_version'")
    connection.close()
    with pytest.raises(LibraryError, match=r"format 2.*format 1"):
        opened(folder, rebuild=rebuild)


# --- damage -------------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def lexical_file(snapshot: Path) -> Path:
    return max((snapshot / "lexical").glob("*.idx"), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
@pytest.mark.parametrize(
    "chosen",
    [
        lambda snapshot: next((snapshot / "dense").glob("*.flat")),
        lambda snapshot: snapshot / "manifest.json",
        lambda snapshot: snapshot / "lexical" / "meta.json",
        lexical_file,
    ],
    ids=["dense", "manifest", "lexical meta", "lexical data"],
)
def test_a_damaged_snapshot_is_made_again(folder, caplog, damage, chosen):
    with opened(folder) as library:
        library.add(FRUITS)
        before = numbers(library.search("was the damson found"))
    damage(chosen(current_snapshot(folder)))
    with caplog.at_level(logging.WARNING), opened(folder) as library:
        assert numbers(library.search("was the damson found")) == before
    assert len(caplog.records) == 1
    assert "built again" in caplog.text
    caplog.clear()
    with opened(folder) as library:
        assert numbers(library.search("was the damson found")) == before
    assert not caplog.records


def test_a_missing_snapshots_folder_is_made_again(folder, caplog):
    with opened(folder) as library:
        library.add(FRUITS)
        before = numbers(library.search("was the damson found"))
    shutil.rmtree(folder / "snapshots")
    with opened(folder) as library:
        assert numbers(library.search("was the damson found")) == before
    assert len(caplog.records) == 1


def test_a_snapshot_of_another_version_is_made_again(folder):
    """Whole by its hashes, but with fields that this version does not know."""
    import tantivy

    with opened(folder) as library:
        library.add(FRUITS)
        before = numbers(library.search("was the damson found"))
        scratch = snapshots.scratch_folder(folder / "snapshots")
        shutil.copytree(current_snapshot(folder) / "dense", scratch / "dense")
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("other")
        tantivy.Index(builder.build(), path=str(scratch / "lexical"))
        _, facts = snapshots.publish(scratch, library.generation, library._database.last_row(), None)
        with library._database.transaction():
            library._database.set_meta(facts)
    with opened(folder) as library:
        assert numbers(library.search("was the damson found")) == before


def test_nothing_is_left_over(folder):
    with opened(folder) as library, opened(folder) as other:
        for fruit in FRUITS:
            library.add([fruit])
            other.search("apple")
        (folder / "snapshots" / ".new-1-dead").mkdir()
        (folder / "snapshots" / "g1-dead" / "lexical").mkdir(parents=True)
        library.remove("apple")
    assert sorted(path.name for path in folder.iterdir()) == ["library.sqlite", "snapshots"]
    names = sorted(path.name for path in (folder / "snapshots").iterdir())
    assert names == [current_snapshot(folder).name, "write.lock"]


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 4080, b"x"])
def test_garbage_in_place_of_the_database_is_refused_and_left_alone(folder, content):
    folder.mkdir()
    (folder / "library.sqlite").write_bytes(content)
    with pytest.raises(LibraryError, match=r"library\.sqlite: the library cannot be used") as caught:
        opened(folder)
    assert len(str(caught.value).splitlines()) == 1
    assert (folder / "library.sqlite").read_bytes() == content
    assert [path.name for path in folder.iterdir()] == ["library.sqlite"]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE articles SET text = text || '.' WHERE id = 'apple'", id="text"),
        pytest.param("UPDATE passages SET end = end + 1000 WHERE row = 1", id="passage beyond its text"),
        pytest.param("UPDATE passages SET start = end WHERE row = 1", id="empty passage"),
        pytest.param("UPDATE passages SET vector = x'00' WHERE row = 1", id="short vector"),
        pytest.param("DELETE FROM articles WHERE id = 'apple'", id="passage without its article"),
    ],
)
def test_check_finds_what_was_altered(folder, statement):
    with opened(folder) as library:
        library.add(FRUITS)
        library.check()
    connection = sqlite3.connect(folder / "library.sqlite")
    connection.execute(statement)
    connection.commit()
    connection.close()
    # opening may already find it
    with pytest.raises(LibraryError, match=r"library\.sqlite"), opened(folder) as library:
        library.check()


def places_of(database):
    """Every column of every table and every fact, as the beginning and the end of a statement that changes one row."""
    with closing(sqlite3.connect(database)) as connection:
        for table in ("articles", "passages"):
            for _, column, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
                yield f'UPDATE {table} SET "{column}" =', f"WHERE rowid = (SELECT min(rowid) FROM {table})"
        for (key,) in connection.execute("SELECT key FROM meta").fetchall():
            yield "UPDATE meta SET value =", f"WHERE key = '{key}'"


@pytest.mark.parametrize("value", ["x'6162ff'", "7", "-3", "1.5", "'x'", "NULL"])
def test_a_value_of_another_kind_is_refused_in_one_line_or_does_no_harm(folder, tmp_path, value):
    with opened(folder) as library:
        library.add(FRUITS[:2])
    true = {one.id: one for one in FRUITS[:2]}
    for number, (change, where) in enumerate(places_of(folder / "library.sqlite")):
        altered = tmp_path / str(number)
        shutil.copytree(folder, altered)
        with closing(sqlite3.connect(altered / "library.sqlite")) as connection:
            try:
                connection.execute(f"{change} {value} {where}")
            except sqlite3.IntegrityError:
                continue
            connection.commit()
        told = None
        try:
            with opened(altered) as library:
                found = library.search("apple picked", k=10)
                assert all(hit.article == true[hit.article.id] for hit in found)
                library.check()
                for info in library.articles():
                    assert library.article(info.id) == true[info.id]
        except LibraryError as error:
            told = str(error)
        assert told is None or len(told.splitlines()) == 1, told


def test_check_finds_a_damaged_page(folder):
    with opened(folder) as library:
        library.add(FRUITS)
    data = bytearray((folder / "library.sqlite").read_bytes())
    place = data.index(b"The elderberry was found")
    data[place : place + 3] = b"Tha"
    (folder / "library.sqlite").write_bytes(data)
    with opened(folder) as library, pytest.raises(LibraryError, match="elderberry"):
        library.check()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "library").write_text("")
    with pytest.raises(LibraryError, match="cannot be made here"):
        opened(tmp_path / "library")


def test_a_closed_library_says_so(folder):
    library = opened(folder)
    library.add(FRUITS)
    library.close()
    library.close()
    with pytest.raises(LibraryError, match="closed"):
        library.search("apple")


def test_without_snapshots_the_articles_are_safe_and_found(folder, caplog):
    folder.mkdir()
    (folder / "snapshots").write_text("in the way")
    with opened(folder) as library:
        assert library.add(FRUITS).added == 5
        assert found(library.search("damson", k=1)) == ["damson"]
    assert "articles are safe" in caplog.text


# --- read-only ----------------------------------------------------------------------------------------------------


@pytest.fixture
def nothing_is_writable(monkeypatch):
    """Folders look read-only, as to root they never do."""
    real = os.access
    return lambda: monkeypatch.setattr(
        os, "access", lambda path, mode, **more: not mode & os.W_OK and real(path, mode, **more)
    )


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("snapshot", ["whole", "missing"])
def test_a_read_only_library_answers(folder, nothing_is_writable, snapshot):
    with opened(folder) as library:
        library.add(FRUITS)
        before = numbers(library.search("was the damson found"))
    if snapshot == "missing":
        shutil.rmtree(current_snapshot(folder))
    files = files_of(folder)
    nothing_is_writable()
    with opened(folder) as library:
        assert numbers(library.search("was the damson found")) == before
        library.check()
        with pytest.raises(LibraryError, match="readonly"):
            library.add([article("fig")])
        with pytest.raises(LibraryError, match="readonly"):
            library.remove("apple")
        assert len(library.search("apple")) == 5
    if snapshot == "missing":
        assert files_of(folder) == files


def test_a_read_only_library_shows_what_its_writer_has_not_yet_checkpointed(folder, nothing_is_writable):
    """As after a kill, or while a process that may write has it open: the articles are still in the write-ahead log."""
    with opened(folder) as writer:
        writer.add(FRUITS)
        assert (folder / "library.sqlite-wal").stat().st_size
        nothing_is_writable()
        with opened(folder) as library:
            assert ids(library) == [fruit.id for fruit in FRUITS]
            assert len(library.search("apple")) == 5


def test_a_read_only_folder_without_a_library_is_refused(folder, nothing_is_writable):
    folder.mkdir()
    nothing_is_writable()
    with pytest.raises(LibraryError, match="cannot be used"):
        opened(folder)


# --- the indexes by themselves ------------------------------------------------------------------------------------


def test_no_pickle_is_ever_loaded(folder):
    unpickled: list[str] = []
    watching = True
    # an audit hook cannot be taken out again, so it is switched off
    sys.addaudithook(lambda event, about: unpickled.append(event) if watching and event.startswith("pickle") else None)
    with opened(folder) as library:
        library.add(FRUITS)
    with opened(folder) as library:
        library.search("apple")
    watching = False
    assert not unpickled
    assert not any(path.suffix in {".pkl", ".pickle"} for path in folder.rglob("*"))


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("on_disk", [True, False])
def test_lexical_index(tmp_path, on_disk):
    index = LexicalIndex(tmp_path if on_disk else None)
    assert index.search("apple", 5) == {}
    index.change(remove=[], add=[(1, "Fruit", "apple pie"), (2, "Fruit", "apple apple"), (3, "Apple", "tart")])
    scores = index.search("Apples!", 5)
    assert scores.keys() == {1, 2, 3}
    assert scores[2] > scores[1] > 0 < scores[3]
    assert index.search("apple", 1).keys() == {2}
    assert index.search("", 5) == index.search("?!", 5) == index.search("apple", 0) == {}
    index.change(remove=[2, 99], add=[(4, "", "apple juice")])
    assert index.search("apple", 5).keys() == {1, 3, 4}
    assert len(index.search("apple " * 5000, 5)) == 3
    if on_disk:
        assert LexicalIndex(tmp_path).search("apple", 5) == index.search("apple", 5)


def test_database_reads_one_state_while_another_writes(folder):
    folder.mkdir()
    with opened(folder) as library:
        library.add(FRUITS)
        database = Database(folder / "library.sqlite")
        with database.reading():
            before = database.generation, database.passage_rows().tolist()
            library.remove("apple")
            assert (database.generation, database.passage_rows().tolist()) == before
        assert database.generation == library.generation
        database.close()


def test_facts_are_written_all_or_none(folder):
    """One by one, a kill or another process in between found a library that did not say which embedder made it."""
    folder.mkdir()
    seen: list[int] = []
    with closing(Database(folder / "library.sqlite")) as ours, closing(Database(folder / "library.sqlite")) as theirs:
        ours._connection.set_trace_callback(lambda statement: seen.append(len(theirs.meta())))
        with ours.transaction():
            ours.set_meta({f"fact {number}": "value" for number in range(5)})
        ours._connection.set_trace_callback(None)
        assert len(theirs.meta()) == 5
    assert seen
    assert set(seen) <= {0, 5}


def test_a_failed_transaction_leaves_nothing(folder):
    with opened(folder) as library:
        library.add(FRUITS)
        before = library.generation
        with suppress(ZeroDivisionError), library._database.transaction():
            library._database.delete("apple")
            1 / 0  # noqa: B018
        assert (library.generation, len(library)) == (before, 5)
        assert library.remove("apple").id == "apple"


def test_default_library_path_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert default_library_path() == tmp_path / "articleqa" / "library"


@pytest.mark.parametrize("fact", ["format_version", "embedder_sha256", "dimension"])
def test_a_library_that_does_not_state_what_made_it_is_refused(tmp_path, embedder, fact):
    with Library.open(tmp_path / "library", embedder=embedder) as library:
        library._database.write("UPDATE meta SET key = 'x' WHERE key = ?", (fact,))
    with pytest.raises(LibraryError, match=rf"is damaged \({fact} is not stated\)"):
        Library.open(tmp_path / "library", embedder=embedder)
