"""The commands for many articles: `embed` them by many processes, `load` what that made into a library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from app.options import INTERRUPTED, EmbedderOption, LibraryOption


def register(cli: typer.Typer) -> None:
    """Add the commands `embed` and `load`."""
    cli.command("embed")(embed)
    cli.command("load")(load)


def embed(
    source: Annotated[Path, typer.Argument(help="A folder of articles, or a JSONL file of them.")],
    out: Annotated[Path, typer.Argument(help="The folder for the shards; it should hold nothing else.")],
    workers: Annotated[
        int | None, typer.Option(help="How many processes embed (default: one a processor).", min=1)
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="local|auto|HOST:PORT", help="Let Ray run the workers, here or on its cluster."),
    ] = None,
    embedder: EmbedderOption = None,
) -> None:
    """Embed many articles into Parquet shards; stopped or killed, the same command goes on where it was."""
    from app.terminal import complain, growing_progress
    from index import bulk

    started = time.perf_counter()
    try:
        with growing_progress("embedding") as advance:
            done = bulk.embed(
                source, out, model=embedder, workers=workers, ray_address=ray, note=complain, on_progress=advance
            )
    except KeyboardInterrupt:
        complain("stopped; the same command goes on where it stopped")
        raise typer.Exit(INTERRUPTED) from None
    rate = done.passages / (time.perf_counter() - started)
    for line in done.failures:
        complain(line)
    counts = f"{done.articles} articles, {done.passages} passages ({rate:.0f} a second) in {done.embedded} new shards"
    typer.echo(f"{counts}, {done.kept} shards kept, {len(done.failures)} failed; now `articleqa load {out}`")
    if done.failures:
        raise typer.Exit(2)


def load(
    shards: Annotated[Path, typer.Argument(help="A folder of shards that `articleqa embed` made.")],
    library: LibraryOption = None,
    embedder: EmbedderOption = None,
) -> None:
    """Add the articles of shards to a library, without embedding them again; done twice, it comes to the same."""
    from app.terminal import complain, growing_progress
    from index import Library, default_library_path, load_embedder
    from index.bulk import read_shards

    with Library.open(library or default_library_path(), embedder=load_embedder(embedder)) as opened:
        stored = 0
        try:
            with growing_progress("loading") as advance:

                def told(articles: int) -> None:
                    nonlocal stored
                    stored += articles
                    advance(stored, stored)

                done = opened.add_embedded(read_shards(shards, opened.embedder), on_stored=told)
        except KeyboardInterrupt:
            complain(f"stopped; {stored} articles of the shards are in the library, the same command adds the others")
            raise typer.Exit(INTERRUPTED) from None
        typer.echo(
            f"{done.added} added, {done.replaced} replaced, {done.unchanged} unchanged; "
            f"the library holds {len(opened)} articles"
        )
