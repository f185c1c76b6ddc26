"""What can be asked at all."""

from __future__ import annotations

import re

from corpus import QuestionError

MAX_QUESTION_CHARACTERS = 1000
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_question(question: str) -> str:
    """The question without outer white space; raises `QuestionError` when it cannot be asked."""
    if not isinstance(question, str):
        raise QuestionError(f"the question is a {type(question).__name__}; give it as text")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise QuestionError(
            f"the question has {len(question):,} characters; ask in at most {MAX_QUESTION_CHARACTERS:,}"
        )
    if _SURROGATE.search(question):
        raise QuestionError("the question holds characters that are not valid text (lone surrogates); type it again")
    if not re.search(r"\w", question):
        raise QuestionError("the question is empty; type a question in words")
    return question.strip()
