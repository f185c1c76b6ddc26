"""robots.txt, as RFC 9309 has it.

`urllib.robotparser` takes the first rule that fits and knows no wildcards; the standard wants the longest, with both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

MAX_BYTES = 512 * 2**10  # the standard asks for at least 500 KiB; the rest need not be read
_AGENT = re.compile(r"[a-z_-]+|\*")
_ENCODED = re.compile(r"%([0-9a-f]{2})", re.IGNORECASE)
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


@dataclass(frozen=True, slots=True)
class Robots:
    """What a site asks of one program: rules of a pattern and whether it allows, and seconds between visits."""

    rules: tuple[tuple[str, bool], ...] = ()
    delay: float = 0.0

    def allows(self, target: str) -> bool:
        """Whether a path with its query may be fetched: by the longest pattern that fits, allowing when in doubt."""
        path = _normal(target)
        fitting = [(len(pattern), allows) for pattern, allows in self.rules if _fits(pattern, path)]
        return max(fitting, default=(0, True))[1]


def parse_robots(text: str, agent: str) -> Robots:
    """The rules for `agent`, a name without version in lower case; those for everybody when it is not named."""
    rules: dict[str, list[tuple[str, bool]]] = {}
    delays: dict[str, float] = {}
    group: set[str] = set()  # the names among these two whose rules are being read
    named = False  # names that follow each other share the rules that come next
    for line in text.removeprefix("\ufeff").splitlines():
        key, _, value = (part.strip() for part in line.partition("#")[0].partition(":"))
        match key.lower():
            case "user-agent":
                name = _AGENT.match(value.lower())
                group = (group if named else set()) | ({agent, "*"} & {name[0] if name else ""})
                named = True
                for one in group:
                    rules.setdefault(one, [])
            case "allow" | "disallow" as verb:
                named = False
                for one in group if value else ():
                    rules[one].append((_normal(value), verb == "allow"))
            case "crawl-delay":  # not in the standard, but asked for by many
                named = False
                if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value):
                    delays.update(dict.fromkeys(group, float(value)))
    which = agent if agent in rules else "*"
    return Robots(tuple(rules.get(which, ())), delays.get(which, 0.0))


def _fits(pattern: str, path: str) -> bool:
    """Whether a pattern with `*` (any characters) and a last `$` (the end) fits the beginning of a path."""
    first, *rest = pattern.removesuffix("$").split("*")
    at, end = len(first), len(path)
    if not path.startswith(first):
        return False
    if pattern.endswith("$"):
        if not rest:
            return path == first
        last = rest.pop()
        if not path.endswith(last):
            return False
        end -= len(last)
    for piece in rest:
        found = path.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= end


def _normal(path: str) -> str:
    """One spelling: what is not ASCII encoded, what need not be encoded decoded, the rest in upper-case hex."""

    def plain(found: re.Match[str]) -> str:
        char = chr(int(found[1], 16))
        return char if _UNRESERVED.fullmatch(char) else found[0].upper()

    return _ENCODED.sub(plain, quote(path, safe="/%:@!$&'()*+,;=?~[]"))
