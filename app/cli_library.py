"""The commands that change and show a library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.options import INTERRUPTED, EmbedderOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from app.intake import Taken
    from index import Library


def register(cli: typer.Typer) -> None:
    """Add the commands `add`, `sync`, `list`, `show`, `remove` and `rebuild`."""
    cli.command("add")(add)
    cli.command("sync")(sync)
    cli.command("list")(list_articles)
    cli.command("show")(show)
    cli.command("remove")(remove)
    cli.command("rebuild")(rebuild)


def add(
    sources: Annotated[
        list[str],
        typer.Argument(help="Files, folders, web addresses (also of feeds and sitemaps), or - for standard input."),
    ],
    library: LibraryOption = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add articles to the library; one that is there already is replaced when it changed."""
    from app.intake import take_in
    from app.terminal import complain, growing_progress
    from index import Library, default_library_path, load_embedder

    with Library.open(library or default_library_path(), embedder=load_embedder(embedder)) as opened:
        try:
            with growing_progress("adding") as advance:
                taken = take_in(opened, sources, on_progress=advance)
        except KeyboardInterrupt:
            complain(
                f"stopped; the library holds {len(opened)} articles, and the same command goes on where it stopped"
            )
            raise typer.Exit(INTERRUPTED) from None
        report(opened, taken, as_json=as_json)


def report(library: Library, taken: Taken, *, as_json: bool) -> None:
    """Say what came in and what did not; exit code 2 when something did not."""
    from app.terminal import complain

    done = taken.added
    if as_json:
        typer.echo(json.dumps(taken.to_dict(), ensure_ascii=False, indent=1))
    for line in taken.failures:
        complain(line)
    if not as_json and (taken.articles or not taken.failures):
        typer.echo(
            f"{done.added} added, {done.replaced} replaced, {done.unchanged} unchanged, {len(taken.failures)} failed; "
            f"the library holds {len(library)} articles"
        )
    if taken.failures:
        raise typer.Exit(2)


def sync(
    folder: Annotated[Path, typer.Argument(help="The folder that the library is to follow.")],
    library: LibraryOption = None,
    embedder: EmbedderOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the library in step with a folder: new, changed and removed files; the unchanged cost next to nothing."""
    from app import sync as syncing
    from app.terminal import complain, growing_progress, plain
    from index import Library, default_library_path, load_embedder

    with Library.open(library or default_library_path(), embedder=load_embedder(embedder)) as opened:
        try:
            with growing_progress("syncing") as advance:
                done = syncing.sync(opened, folder, dry_run=dry_run, on_progress=advance)
        except KeyboardInterrupt:
            complain(
                f"stopped; the library holds {len(opened)} articles, and the same command goes on where it stopped"
            )
            raise typer.Exit(INTERRUPTED) from None
        held = len(opened)
    parts = {"new": done.new, "changed": done.changed, "gone": done.gone}
    if as_json:
        told = {name: list(map(str, paths)) for name, paths in parts.items()}
        told_all = told | {"unchanged": done.unchanged, "failures": done.failures, "dry_run": dry_run}
        typer.echo(json.dumps(told_all, ensure_ascii=False, indent=1))
    else:
        for name, paths in parts.items() if dry_run else ():
            for path in paths:
                typer.echo(plain(f"{name}  {path}"))
        counts = ", ".join(f"{len(paths)} {name}" for name, paths in parts.items())
        typer.echo(
            f"{counts}, {done.unchanged} unchanged, {len(done.failures)} failed; the library holds {held} articles"
        )
    for line in done.failures:
        complain(line)
    if done.failures:
        raise typer.Exit(2)


def list_articles(library: LibraryOption = None, embedder: EmbedderOption = None, as_json: JsonOption = False) -> None:
    """List the articles of the library, the newest first."""
    from app.terminal import article_table, info_dict
    from index import Library, default_library_path, load_embedder

    with Library.open(library or default_library_path(), embedder=load_embedder(embedder)) as opened:
        articles = opened.articles()
    if as_json:
        typer.echo(json.dumps([info_dict(info) for info in articles], ensure_ascii=False, indent=1))
    elif articles:
        article_table(articles)
    else:
        typer.echo("The library is empty; `articleqa add FILE...` fills it.")


def show(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="The article's id, or the beginning of it.")],
    library: LibraryOption = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one article: what is known about it, and its text."""
    from app.terminal import article_dict, print_article
    from index import Library, default_library_path, load_embedder

    with Library.open(library or default_library_path(), embedder=load_embedder(embedder)) as opened:
        article = opened.article(opened.complete_id(article_id))
    if as_json:
        typer.echo(json.dumps(article_dict(article), ensure_ascii=False, indent=1))
    else:
        print_article(article)


def remove(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="The article's id, or the beginning of it.")],
    library: LibraryOption = None,
    embedder: EmbedderOption = None,
) -> None:
    """Remove one article from the library."""
    from index import Library, default_library_path, load_embedder

    with Library.open(library or default_library_path(), embedder=load_embedder(embedder)) as opened:
        article = opened.remove(opened.complete_id(article_id))
        typer.echo(f"removed {article.id}; the library holds {len(opened)} articles")


def rebuild(library: LibraryOption = None, embedder: EmbedderOption = None) -> None:
    """Split and embed every article of a library again, for another embedder."""
    from index import Library, default_library_path, load_embedder

    with Library.open(library or default_library_path(), embedder=load_embedder(embedder), rebuild=True) as opened:
        typer.echo(f"embedded again with {opened.embedder.name}; the library holds {len(opened)} articles")
