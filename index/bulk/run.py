"""`articleqa embed`: units handed to workers, finished ones passed over."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from corpus import LibraryError
from index.bulk.shards import facts_of, parquet
from index.bulk.units import units_of
from index.bulk.worker import EmbedUnits
from index.embedder import load_embedder

_Job = dict[str, str]
_worker: EmbedUnits | None = None


@dataclass(slots=True)
class Embedded:
    """What a run did: units embedded and passed over, articles and passages embedded, a line for each failure."""

    embedded: int
    kept: int
    articles: int
    passages: int
    failures: list[str]


def embed(
    source: Path,
    out: Path,
    *,
    model: str | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
    note: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Embedded:
    """Embed a folder of articles or a JSONL file into Parquet shards in `out`, which `source` alone should fill.

    Stopped or killed, the next run embeds only what has no shard yet or has changed; shards of what is gone are
    deleted. With `ray_address` ("local", "auto" or a cluster's HOST:PORT) Ray Data runs the workers, which read
    `source` and write `out` under these very paths; where Ray is missing or does not start, `note` is told so, and
    processes on this machine do it. Raises `ArticleQAError` when there is nothing to read or `out` cannot be written.
    """
    parquet()
    units, failures = units_of(source)
    facts = repr(sorted(facts_of(load_embedder(model)).items()))
    out = Path(os.path.abspath(out))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryError(f"{out}: cannot be made ({error.strerror}); choose another folder") from error
    names = {f"{hashlib.sha256((facts + unit.digest).encode()).hexdigest()[:32]}.parquet": unit for unit in units}
    there = {path.name for path in out.glob("*.parquet")}
    for name in there - names.keys():
        (out / name).unlink()
    jobs = [{"unit": unit.dumps(), "shard": name} for name, unit in names.items() if name not in there]
    total = Embedded(0, len(names) - len(jobs), 0, 0, failures)
    workers = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    results = None
    if ray_address and jobs:
        results = _with_ray(jobs, model, out, workers, ray_address, note)
    for done in results if results is not None else _with_processes(jobs, model, out, workers):
        total.embedded += 1
        total.articles += int(done["articles"])
        total.passages += int(done["passages"])
        total.failures += [line for line in str(done["failures"]).split("\n") if line]
        on_progress(total.embedded, len(jobs))
    return total


def _with_processes(jobs: list[_Job], model: str | None, out: Path, workers: int) -> Iterator[dict[str, Any]]:
    if workers == 1:
        one = EmbedUnits(model, str(out), threads=os.cpu_count() or 1)
        try:
            yield from (_result(one, job) for job in jobs)
        finally:
            one.close()
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start, initargs=(model, str(out))) as pool:
        waiting = [pool.submit(_run, job) for job in jobs]
        try:
            yield from (future.result() for future in as_completed(waiting))
        finally:
            for future in waiting:
                future.cancel()


def _start(model: str | None, out: str) -> None:
    global _worker  # noqa: PLW0603 - one embedder a process
    _worker = EmbedUnits(model, out)


def _run(job: _Job) -> dict[str, Any]:
    assert _worker is not None
    return _result(_worker, job)


def _result(worker: EmbedUnits, job: _Job) -> dict[str, Any]:
    return {key: values[0] for key, values in worker({"unit": [job["unit"]], "shard": [job["shard"]]}).items()}


def _with_ray(
    jobs: list[_Job], model: str | None, out: Path, workers: int, address: str, note: Callable[[str], None]
) -> Iterator[dict[str, Any]] | None:
    """The results of workers that Ray Data runs; None when it cannot, which `note` is told."""
    instead = f"embedding in {workers} process{'es' if workers > 1 else ''} on this machine instead"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        note(f"Ray is not installed ({error}; pip install 'articleqa[distributed]'); {instead}")
        return None
    local = address == "local"
    # Ray Data wants a processor for itself beside those of the workers
    own: dict[str, Any] = {"num_cpus": workers + 1, "include_dashboard": False} if local else {"address": address}
    try:
        ray.init(**own, logging_level="ERROR", log_to_driver=False)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting
        note(f"Ray does not start ({_first_line(error)}); {instead}")
        return None
    if not local:
        workers = max(1, min(len(jobs), int(ray.cluster_resources().get("CPU", 2)) - len(ray.nodes())))
    return _ray_results(jobs, model, out, workers)


def _ray_results(jobs: list[_Job], model: str | None, out: Path, workers: int) -> Iterator[dict[str, Any]]:
    import ray

    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        work = ray.data.from_items(jobs, override_num_blocks=min(len(jobs), 200)).map_batches(
            EmbedUnits, batch_size=1, concurrency=workers, num_cpus=1, fn_constructor_args=(model, str(out))
        )
        yield from work.iter_rows()
    except ray.exceptions.RayError as error:
        raise LibraryError(f"Ray failed ({_first_line(error)}); the same command goes on where it stopped") from error
    finally:
        ray.shutdown()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
