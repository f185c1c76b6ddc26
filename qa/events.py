"""What a question and its answer say happened, asked about with other words: when, why, how."""

from __future__ import annotations

import re

from qa.mentions import Turn
from qa.verbs import finite

AUXILIARY = "is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|must|may|might|won['\u2019]t"
_ASKED = re.compile(
    r"^(?P<before>(?:in|at|on|by|for|from|with|to|of|over|since|until|under|after|along with|as) )?"
    rf"(?P<wh>(?:who|whom|where|when|why|whose [\w-]+|how(?: (?!(?:{AUXILIARY})\b)[\w-]+){{0,4}}"
    rf"|(?:what|which)(?: (?!(?:{AUXILIARY})\b)[\w'\u2019-]+){{0,4}})) (?P<aux>{AUXILIARY})\b(?P<rest>.*?)\s*[?.!]*$",
    re.IGNORECASE,
)
_DID = re.compile(
    r"^(?P<before>)(?P<aux>)(?P<wh>(?:who|(?:what|which|how many|how much)(?: [\w'\u2019-]+){0,4}?)) "
    r"(?P<rest>(?P<verb>[a-z]+)\b.*?)"
    r"\s*[?.!]*$",
    re.IGNORECASE,
)
_YES_NO = re.compile(rf"^(?:{AUXILIARY})\b", re.IGNORECASE)


def asked_about(wh: str, last: Turn) -> str:  # noqa: C901
    """What the last question and its answer say happened, asked about with other words: when, why, how."""
    wh = {"how come": "why", "what for": "why", "for what": "why", "how so": "how", "who with": "with whom"}.get(
        wh.lower(), wh
    )
    asked, answer = last.asked, last.answered.strip(" .")
    if _YES_NO.match(asked):
        return f"{wh} {asked[:1].lower()}{asked[1:]}"
    found = parts_of(asked)
    if not found:
        return f"{asked.rstrip('? ')}: {wh}?"
    words, aux, rest = found["wh"].split(), (found["aux"] or "").lower(), found["rest"].strip()
    kind, counts = words[0].lower(), " ".join(words[:2]).lower() in {"how many", "how much"}
    if kind == "how" and re.search(r"\bhow \w", wh, re.IGNORECASE) and not counts:  # another measure of the same thing
        return f"{wh} {aux} {rest}?"
    counted = " ".join(words[2:]) if counts else ""
    amount = f"{answer} {counted}" if counted and counted.lower() not in answer.lower() else answer
    if not aux:  # "Who won the race?", "How many people took part?"
        verb, _, more = rest.partition(" ")
        form = finite(verb, more.partition(" ")[0])
        subject = (amount if counts else answer) or {"who": "they", "what": "that"}.get(
            kind, f"the {' '.join(words[1:])}"
        )
        if form is None:
            return f"{wh} {subject} {rest}?"
        plural = " and " in subject or counts
        return f"{wh} {form.inverted(subject, plural=plural)} {more}".strip() + "?"
    has_subject = _has_subject(aux, rest)
    if (kind in {"who", "which", "what"} or counts) and not has_subject and not found["before"]:
        if kind == "what" and len(words) == 1 and rest[:1].isalpha() and not re.match(r"[a-z]+(?:ed|en|ing)\b", rest):
            return f"{wh} {aux} {rest}?"  # "What is the patch?", "What was the name?"
        subject = (amount if counts else answer) or {"who": "they"}.get(kind, "it")
        return f"{wh} {aux} {subject} {rest}".strip() + "?"
    whole = rest
    if counts and answer and not found["before"]:
        place = re.search(r" (?=(?:from|in|at|to|for|on|by|with|off)\b)", rest[len(rest.split(" ")[0]) :])
        at = len(rest.split(" ")[0]) + place.start() if place else len(rest)
        whole = f"{rest[:at]} {amount}{rest[at:]}"
    elif answer and kind in {"who", "whom", "what", "which"} and aux not in {"is", "are", "was", "were"}:
        whole = f"{rest} {found['before'].lower()}{answer}" if found["before"] else f"{rest} {answer}"
    elif answer and kind == "where" and re.search(r" (?:from|to|in|at)$", rest):
        whole = f"{rest} {answer}"
    return f"{wh} {aux} {whole}".strip() + "?"


def parts_of(question: str) -> re.Match[str] | None:
    """A question in its parts: preposition, asking words, helping verb if it has one, and the rest."""
    found = _ASKED.match(question)
    if found and not any(finite(word) for word in found["wh"].split()[1:-1]):
        return found
    for simple in _DID.finditer(question):
        words = question[simple.start("rest") :].split()
        asking = simple["wh"].split()
        while words and not finite(words[0], words[1] if len(words) > 1 else "") and len(asking) < 6:
            asking.append(words.pop(0))
        if words:
            return re.match(
                rf"(?P<before>)(?P<aux>)(?P<wh>{re.escape(' '.join(asking))}) (?P<rest>.*?)\s*[?.!]*$",
                question,
                re.IGNORECASE,
            )
    return found


def _has_subject(aux: str, rest: str) -> bool:
    """Whether a subject follows the helping verb: "did Sims find", not "was chosen" or "is the leader"."""
    if aux in {"do", "does", "did"}:
        return True
    first = rest.split(" ", maxsplit=1)[0]
    noun = first[:1].isupper() or first.lower() in {
        "the",
        "a",
        "an",
        "he",
        "she",
        "it",
        "they",
        "his",
        "her",
        "their",
        "its",
    }
    if not noun or aux in {"is", "are", "was", "were"}:
        return noun and bool(re.search(r"\b\w+(?:ing|ed)\b", rest))
    return True
