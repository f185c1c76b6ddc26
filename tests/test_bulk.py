"""`articleqa embed` and `load`: shards that resume, whoever runs the workers, and a library made of them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import cli
from corpus import ArticleFileError, LibraryError
from corpus.cell import Cell
from corpus.loading import SAMPLES
from index import Added, Library, load_embedder
from index.bulk import embed, read_shards, units

pytest.importorskip("pyarrow", reason="needs pip install 'articleqa[distributed]'")


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


@pytest.fixture
def some(tmp_path):
    """A folder of three of the sample articles."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for path in sorted(path for path in SAMPLES.iterdir() if path.suffix == ".txt")[:3]:
        shutil.copy(path, folder)
    return folder


def lines(path, count: int, *, text: str = "Number {n} is a short article about pears.") -> None:
    rows = ({"text": text.format(n=n)} for n in range(1, count + 1))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_units_of_a_file_are_its_lines_each_once(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "_BYTES", 500)
    path = tmp_path / "many.jsonl"
    lines(path, 100)
    cut, failures = units.units_of(path)
    assert len(cut) > 5
    assert not failures
    with Cell() as cell:
        articles = [article for unit in cut for article in unit.read(cell)[0]]
        whole = cell.read_file(path).articles
    assert tuple(articles) == whole
    assert [units.Unit.loads(unit.dumps()) for unit in cut] == cut
    path.write_bytes(path.read_bytes() + b'{"text": "One more about pears."}\n')
    assert len({one.digest for one in cut} & {one.digest for one in units.units_of(path)[0]}) == 0


def test_units_of_a_folder_mostly_stay_when_files_come(tmp_path, monkeypatch):
    for n in range(300):
        (tmp_path / f"article{n}.txt").write_text("Pears.", encoding="utf-8")
    before = {unit.digest for unit in units.units_of(tmp_path)[0]}
    (tmp_path / "article77b.txt").write_text("More pears.", encoding="utf-8")
    after = {unit.digest for unit in units.units_of(tmp_path)[0]}
    assert len(before) > 5
    assert len(before - after) <= 2


def test_nothing_to_embed_is_said(tmp_path):
    with pytest.raises(ArticleFileError, match=r"neither a folder nor a \.jsonl file"):
        embed(tmp_path / "missing", tmp_path / "out")
    with pytest.raises(LibraryError, match="holds no shards"):
        list(read_shards(tmp_path, None))


def test_shards_make_the_same_library_as_adding(some, tmp_path, embedder):
    out = tmp_path / "out"
    done = embed(some, out, workers=1)
    assert (done.articles, done.failures, done.kept) == (3, [], 0)
    again = embed(some, out, workers=1)
    assert (again.embedded, again.kept) == (0, done.embedded)
    with Library.in_memory(embedder) as loaded, Library.in_memory(embedder) as added:
        assert loaded.add_embedded(read_shards(out, embedder)) == Added(3, 0, 0, done.passages)
        assert loaded.add_embedded(read_shards(out, embedder)) == Added(0, 0, 3, 0)
        added.add(article for batch in read_shards(out, embedder) for article, _, _ in batch)
        question = "Who replaces him?"
        assert [(hit.passage, hit.score) for hit in loaded.search(question)] == [
            (hit.passage, pytest.approx(hit.score)) for hit in added.search(question)
        ]


def test_what_cannot_be_read_is_told_and_tried_again(some, tmp_path, embedder):
    (some / "broken.jsonl").write_text("{}\n", encoding="utf-8")
    out = tmp_path / "out"
    done = embed(some, out, workers=1)
    assert done.articles == 3
    assert "broken.jsonl" in done.failures[0]
    assert sum(map(len, read_shards(out, embedder))) == 3
    (some / "broken.jsonl").unlink()
    done = embed(some, out, workers=1)
    assert not done.failures
    assert sum(map(len, read_shards(out, embedder))) == 3


def test_a_damaged_shard_or_one_of_another_embedder_is_refused(some, tmp_path, embedder):
    import pyarrow.parquet as pq

    class Other:
        name, dimension, fingerprint = "other", embedder.dimension, "0" * 64

    out = tmp_path / "out"
    embed(some, out, workers=1)
    with pytest.raises(LibraryError, match=r"made with the embedder all-MiniLM.*embed again"):
        list(read_shards(out, Other()))
    shard = next(out.glob("*.parquet"))
    table = pq.read_table(shard)
    row = table.to_pylist()[0]
    row["record"] = row["record"].replace("the", "teh")
    pq.write_table(type(table).from_pylist([row], table.schema), shard)
    with pytest.raises(LibraryError, match="damaged; delete it"):
        list(read_shards(out, embedder))
    shard.write_bytes(b"PAR1 nothing")
    with pytest.raises(LibraryError, match="damaged"):
        list(read_shards(out, embedder))


def test_a_killed_run_goes_on_where_it_was(tmp_path, embedder, monkeypatch):
    path, out = tmp_path / "many.jsonl", tmp_path / "out"
    lines(path, 20, text="Number {n} is an article about pears. " + "It is long enough for a passage. " * 12)
    script = (
        "import sys; from pathlib import Path; from index.bulk import units, embed; units._BYTES = 2_000\n"
        "if __name__ == '__main__': embed(Path(sys.argv[1]), Path(sys.argv[2]), workers=1)"
    )
    run = subprocess.Popen([sys.executable, "-c", script, str(path), str(out)])
    deadline = time.monotonic() + 120
    while not list(out.glob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    monkeypatch.setattr(units, "_BYTES", 2_000)
    done = embed(path, out, workers=1)
    assert done.kept >= 1
    assert done.embedded + done.kept == len(units.units_of(path)[0]) == len(list(out.glob("*.parquet")))
    assert sum(map(len, read_shards(out, embedder))) == 20


def test_processes_make_the_same_shards(some, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    lines(some / "more.jsonl", 5)
    embed(some / "more.jsonl", one, workers=1)
    embed(some / "more.jsonl", two, workers=2)
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in two.iterdir()
    }


def test_without_ray_processes_do_it_and_say_so(some, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    notes = []
    done = embed(some, tmp_path / "out", workers=1, ray_address="local", note=notes.append)
    assert done.articles == 3
    assert len(notes) == 1
    assert "Ray is not installed" in notes[0]
    assert "1 process on this machine instead" in notes[0]


def test_the_commands(some, tmp_path):
    out, library = str(tmp_path / "out"), str(tmp_path / "library")
    run = CliRunner().invoke
    made = run(cli, ["embed", str(some), out, "--workers", "1"])
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("3 articles, ")
    loaded = run(cli, ["load", out, "--library", library])
    assert loaded.stdout == "3 added, 0 replaced, 0 unchanged; the library holds 3 articles\n"
    again = run(cli, ["load", out, "--library", library])
    assert again.stdout == "0 added, 0 replaced, 3 unchanged; the library holds 3 articles\n"


needs_ray = pytest.mark.skipif(
    not os.environ.get("ARTICLEQA_TEST_RAY"), reason="set ARTICLEQA_TEST_RAY=1 to start Ray, a minute"
)


@needs_ray
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_is_not_there_is_said(some, tmp_path):
    notes = []
    done = embed(some, tmp_path / "out", workers=1, ray_address="127.0.0.1:1", note=notes.append)
    assert done.articles == 3
    assert "Ray does not start" in notes[0]


@needs_ray
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("address", ["local", "cluster"])
def test_ray_makes_the_same_shards(some, tmp_path, monkeypatch, address, embedder):
    """On this machine, and on a cluster of two nodes on it."""
    pytest.importorskip("ray", reason="needs pip install 'articleqa[distributed]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    for n in range(40):
        (some / f"more{n}.txt").write_text(f"Number {n} is a short article about pears.", encoding="utf-8")
    monkeypatch.setattr(units, "_FILES", 4)
    one, two, notes = tmp_path / "one", tmp_path / "two", []
    embed(some, one, workers=1)
    cluster = None
    if address == "cluster":
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
        cluster.add_node(num_cpus=2)
        address = cluster.address
    try:
        done = embed(some, two, workers=2, ray_address=address, note=notes.append)
    finally:
        if cluster:
            cluster.shutdown()
    assert notes == []
    assert done.articles == 43
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in two.iterdir()
    }


def test_vectors_of_shards_are_those_of_the_embedder(tmp_path, embedder):
    lines(tmp_path / "few.jsonl", 2)
    embed(tmp_path / "few.jsonl", tmp_path / "out", workers=1)
    batch = next(iter(read_shards(tmp_path / "out", embedder)))
    with Library.in_memory(embedder) as library:
        library.add([article for article, _, _ in batch])
        for article, _, vectors in batch:
            assert np.array_equal(library._database.passages_of(article.id, embedder.dimension)[1], vectors)
