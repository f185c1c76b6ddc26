"""The command line: `articleqa COMMAND`. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app import cli_eval

cli = typer.Typer(
    help="Answers questions about your own articles with exact quotes: offline, on an ordinary CPU, without an LLM.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cli_eval.register(cli)

LibraryOption = Annotated[Path | None, typer.Option("--library", help="The library's folder (default: your own).")]
EmbedderOption = Annotated[
    str | None, typer.Option("--embedder", help="A sentence-transformers model in place of the bundled one.")
]
ReaderOption = Annotated[
    str | None, typer.Option("--reader", help="A question-answering model in place of the bundled one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command line; an error meant for the user is one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        cli()
    except Exception as error:
        from corpus import ArticleQAError

        if not isinstance(error, ArticleQAError):
            raise
        from app.terminal import complain

        complain(str(error))
        sys.exit(2)


@cli.command()
def add(
    sources: Annotated[list[str], typer.Argument(help="Files and folders of articles.")],
    library: LibraryOption = None,
    embedder: EmbedderOption = None,
) -> None:
    """Add articles to the library; one that is there already is replaced when it changed."""
    from app.terminal import complain, progress
    from corpus import ArticleFileError, find_files, load_file
    from index import Library, default_library_path, load_embedder

    articles, failed = [], 0
    for path in find_files(sources):
        try:
            articles += load_file(path)
        except ArticleFileError as error:
            complain(str(error))
            failed += 1
    if failed and not articles:
        raise typer.Exit(2)
    with Library.open(library or default_library_path(), embedder=load_embedder(embedder)) as opened:
        with progress("adding", len(articles)) as advance:
            done = opened.add(articles, on_progress=advance)
        typer.echo(
            f"{done.added} added, {done.replaced} replaced, {done.unchanged} unchanged, {failed} failed; "
            f"the library holds {len(opened)} articles"
        )
    if failed:
        raise typer.Exit(2)


@cli.command("list")
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


@cli.command()
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


@cli.command()
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


@cli.command()
def rebuild(library: LibraryOption = None, embedder: EmbedderOption = None) -> None:
    """Split and embed every article of a library again, for another embedder."""
    from index import Library, default_library_path, load_embedder

    with Library.open(library or default_library_path(), embedder=load_embedder(embedder), rebuild=True) as opened:
        typer.echo(f"embedded again with {opened.embedder.name}; the library holds {len(opened)} articles")


@cli.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.")] = None,
    library: LibraryOption = None,
    batch: Annotated[
        Path | None, typer.Option("--batch", help="A JSONL file of questions; prints a JSON line for each.")
    ] = None,
    reader: ReaderOption = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the articles, with the quote and where it stands."""
    from corpus import QuestionError
    from qa.assistant import ArticleQA, check_question
    from qa.batch import answer_rows, read_lines

    if (question is None) == (batch is None):
        raise QuestionError("ask needs one question, or --batch FILE with one on each line; see articleqa ask --help")
    if question is not None:
        check_question(question)
    lines = read_lines(batch) if batch else []
    with ArticleQA.open(library, reader=reader, embedder=embedder) as bot:
        if question is not None:
            answer = bot.answer(question)
            if as_json:
                typer.echo(json.dumps(answer.to_dict(), ensure_ascii=False))
            else:
                from app.terminal import print_answer

                print_answer(answer)
            return
        from app.terminal import complain, progress

        failed = False
        with progress("answering", len(lines)) as advance:
            for outcome in answer_rows(bot, lines, str(batch)):
                if isinstance(outcome, QuestionError):
                    complain(str(outcome))
                    failed = True
                else:
                    sys.stdout.write(json.dumps(outcome.to_dict(), ensure_ascii=False) + "\n")
                    sys.stdout.flush()
                advance(1)
        if failed:
            raise typer.Exit(2)


@cli.command()
def chat(
    library: LibraryOption = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 7860,
    reader: ReaderOption = None,
    embedder: EmbedderOption = None,
) -> None:
    """Open the chat page in a server on this machine; Ctrl-C ends it."""
    from app.server import serve
    from qa import ArticleQA

    with ArticleQA.open(library, reader=reader, embedder=embedder) as bot:
        serve(
            bot, host=host, port=port, on_ready=lambda url: typer.echo(f"articleqa is ready: {url}  (Ctrl-C ends it)")
        )


@cli.command()
def doctor(library: LibraryOption = None) -> None:
    """Check the installation, the bundled models and the library; exit code 2 when something is wrong."""
    from app.doctor import examine

    if not examine(library):
        raise typer.Exit(2)
