"""The command line: `articleqa COMMAND`. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app import cli_bulk, cli_eval, cli_library
from app.options import EmbedderOption, JsonOption, LibraryOption, ReaderOption

cli = typer.Typer(
    help="Answers questions about your own articles with exact quotes: offline, on an ordinary CPU, without an LLM.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cli_library.register(cli)
cli_bulk.register(cli)
cli_eval.register(cli)


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
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.")] = None,
    library: LibraryOption = None,
    batch: Annotated[
        Path | None, typer.Option("--batch", help="A JSONL file of questions; prints a JSON line for each.")
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            help='The conversation so far, a JSONL file of ["question", "answer" or null]; see --as-written.',
        ),
    ] = None,
    as_written: Annotated[
        bool, typer.Option("--as-written", help="Take the question word for word: no conversation, no spelling help.")
    ] = False,
    reader: ReaderOption = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the articles, with the quote and where it stands."""
    from corpus import QuestionError
    from qa.assistant import ArticleQA, check_question
    from qa.batch import answer_rows, read_history, read_lines

    if (question is None) == (batch is None):
        raise QuestionError("ask needs one question, or --batch FILE with one on each line; see articleqa ask --help")
    if history and batch:
        raise QuestionError('--history goes with one question; in a batch each row has its own "history"')
    if question is not None:
        check_question(question)
    turns = read_history(history) if history else ()
    lines = read_lines(batch) if batch else []
    with ArticleQA.open(library, reader=reader, embedder=embedder) as bot:
        if question is not None:
            answer = bot.answer(question, turns, as_written=as_written)
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
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes any free one.", min=0, max=65535)] = 7860,
    reader: ReaderOption = None,
    embedder: EmbedderOption = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="A name that the server goes by, such as its proxy's; repeatable."),
    ] = None,
    per_minute: Annotated[
        float | None, typer.Option(help="The most requests a minute from one address to /v1.", min=1)
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Nobody may add or remove articles over HTTP.")
    ] = False,
    password_file: Annotated[
        Path | None, typer.Option(help="A file with a password, which is then asked for first (HTTP Basic).")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="A file for a JSON line about each request, without questions; - is stderr.")
    ] = None,
    log_questions: Annotated[
        bool, typer.Option("--log-questions", help="Write questions asked at /v1 into the log, too.")
    ] = False,
) -> None:
    """Open the chat page, and HTTP at /v1, in a server on this machine; Ctrl-C ends it."""
    from app.login import read_password
    from app.requestlog import log_file
    from app.server import serve
    from qa import ArticleQA

    password = read_password(password_file) if password_file else None
    with log_file(log) as log_to, ArticleQA.open(library, reader=reader, embedder=embedder) as bot:
        serve(
            bot,
            host=host,
            port=port,
            names=name or (),
            per_minute=per_minute,
            read_only=read_only,
            password=password,
            log=log_to,
            log_questions=log_questions,
            on_ready=lambda url: typer.echo(f"articleqa is ready: {url}  (Ctrl-C ends it)"),
        )


@cli.command()
def doctor(library: LibraryOption = None) -> None:
    """Check the installation, the bundled models and the library; exit code 2 when something is wrong."""
    from app.doctor import examine

    if not examine(library):
        raise typer.Exit(2)
