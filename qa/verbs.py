"""English verbs as news sentences use them: which word is one, and its form after "did" or "does"."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from index.embedder import BUNDLED_EMBEDDER

Tense = Literal["auxiliary", "past", "present"]

_AUXILIARIES = frozenset("is are was were will would can could may might must should has have had".split())
_IRREGULAR = dict(
    pair.split(":")
    for pair in (
        "became:become began:begin beat:beat bent:bend bit:bite blew:blow broke:break brought:bring built:build "
        "burnt:burn bought:buy came:come caught:catch chose:choose cost:cost cut:cut did:do drew:draw drank:drink "
        "drove:drive ate:eat fell:fall fed:feed felt:feel fought:fight found:find flew:fly forgot:forget froze:freeze "
        "got:get gave:give went:go grew:grow hung:hang heard:hear held:hold hit:hit hurt:hurt kept:keep knew:know "
        "laid:lay led:lead left:leave lent:lend let:let lost:lose made:make meant:mean met:meet paid:pay put:put "
        "quit:quit read:read rode:ride rose:rise ran:run said:say saw:see sought:seek sold:sell sent:send set:set "
        "shook:shake shot:shoot showed:show shut:shut sang:sing sank:sink sat:sit slept:sleep slid:slide spoke:speak "
        "spent:spend split:split stood:stand stole:steal struck:strike swam:swim swore:swear took:take taught:teach "
        "tore:tear told:tell thought:think threw:throw understood:understand woke:wake wore:wear won:win wrote:write "
        "overtook:overtake withdrew:withdraw undertook:undertake agreed:agree freed:free"
    ).split()
)
_PRESENT = frozenset(
    "accepts agrees aims appears arrives becomes begins believes blames brings builds buys calls carries claims "
    "closes comes competes confirms contains continues costs covers denies drives earns employs ends enters expects "
    "faces features finishes flies follows gets gives goes grows heads helps holds hopes includes intends joins "
    "keeps knows lacks launches leads leaves lies lives loses makes means meets moves needs offers opens operates "
    "owns partners pays plans plays prepares produces provides publishes races rejects releases remains replaces "
    "represents returns rises runs sells sends serves shares shows signs sits speaks spends stands starts stays "
    "succeeds supplies supports switches takes teams tells thinks tries turns uses wants wins works writes".split()
)
_HAVE: dict[str, Tense] = {"has": "present", "have": "present", "had": "past"}
_PARTICIPLE = re.compile(r"(?:ed|en|wn|gone|done|begun|sung|sunk|run|become|come|yet|to|not)$")
# a short syllable would have doubled its last letter: "hoped" is from "hope", not from "hop"
_NEEDS_E = re.compile(r"^[^aeiou]*[aeiou][^aeiouwxy]$|^[aeiou][^aeiou]$|[cuvz]$|[^aeiou][aeiou][st]$")


@dataclass(frozen=True, slots=True)
class Verb:
    """A finite verb: `base` is what stands after "did" or "does"; an auxiliary's is itself."""

    text: str
    tense: Tense
    base: str

    def inverted(self, subject: str, *, plural: bool = False) -> str:
        """A question's words from its helping verb to its main verb: "did Oduya break", "will Tom"."""
        if self.tense == "auxiliary":
            return f"{self.text} {subject}"
        helper = "did" if self.tense == "past" else "do" if plural else "does"
        return f"{helper} {subject} {self.base}"


def finite(word: str, following: str = "") -> Verb | None:
    """The finite verb that `word` is, as the word after a subject and before `following`; None for one unknown."""
    if word in _HAVE and following not in _IRREGULAR and not _PARTICIPLE.search(following):
        return Verb(word, _HAVE[word], "have")
    if word in _AUXILIARIES:
        return Verb(word, "auxiliary", word)
    if base := _IRREGULAR.get(word):
        return Verb(word, "past", base)
    if word in _PRESENT:
        return Verb(word, "present", _without_s(word))
    if word.endswith("ed") and not word.endswith("eed") and len(word) > 3 and (base := _without_ed(word)):
        return Verb(word, "past", base)
    return None


def _without_s(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("shes", "ches", "sses", "goes", "xes")) else word[:-1]


def _without_ed(word: str) -> str | None:
    """The base of a regular past tense, None where no known word fits: "stopped", "carried", "moved", "opened"."""
    stem, known = word[:-2], _words()
    if stem.endswith("i"):
        return stem[:-1] + "y" if stem[:-1] + "y" in known else None
    if len(stem) > 2 and stem[-1] == stem[-2]:
        return next((base for base in (stem, stem[:-1]) if base in known), None)
    bases = [base for base in (stem, stem + "e") if base in known]
    return bases[-1 if _NEEDS_E.search(stem) else 0] if bases else None


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    """The English words that the bundled embedder's tokenizer knows, about 24,000."""
    vocabulary = json.loads((BUNDLED_EMBEDDER / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    return frozenset(word for word in vocabulary if word.isalpha() and word.isascii())
