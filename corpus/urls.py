"""Web addresses: taken apart strictly, and shown in messages without the secrets they may hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit

MAX_LENGTH = 8000  # as long as RFC 9110 (4.1) asks everybody to support
PORTS = {"http": 80, "https": 443}
_ANY_URL = re.compile(r"[a-z][a-z0-9+.-]*://|https?:", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff]")
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@%]+)(?::([0-9]{0,5}))?", re.IGNORECASE)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_SHOWN = 160


class Refused(Exception):  # noqa: N818 - not the error itself: what `corpus.net` puts after the address
    """Why a web address is not fetched, and the remedy."""


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https address in one spelling, in ASCII; `host` is lower case, without brackets and last dot."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def authority(self) -> str:
        """Host and port as the `Host` header has them: the port only when it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: what one robots.txt is for."""
        return f"{self.scheme}://{self.authority}"

    @property
    def target(self) -> str:
        """Path and query: what is asked of the server."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        return self.origin + self.target


def is_url(text: str) -> bool:
    """Whether a source is meant as an address of any scheme rather than as a path."""
    return _ANY_URL.match(text) is not None


def parse_url(text: str) -> Url:
    """Take an http or https address apart; a fragment is dropped, what is not ASCII is encoded.

    Raises `Refused` for other schemes, user names, and every spelling that two programs could read differently.
    The host may be any spelling of an IPv4 address: what it stands for shows when it is resolved.
    """
    _check(text)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise Refused("this is not a web address; check the spelling") from error
    if parts.scheme not in PORTS:
        raise Refused("only http and https addresses are fetched; save the page and add the file")
    if "@" in parts.netloc:
        raise Refused("an address with a user name or password is not fetched; save the page and add the file")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if not authority:
        raise Refused("this is not a web address; check the host and port after //")
    return Url(
        scheme=parts.scheme,
        host=_host(authority[1]),
        port=int(authority[2] or PORTS[parts.scheme]),
        path=_quoted(parts.path) or "/",
        query=_quoted(parts.query),
    )


def join_url(base: Url, location: str) -> Url:
    """Where a redirect from `base` leads. Raises `Refused` as `parse_url` does."""
    _check(location)
    try:
        joined = urljoin(str(base), location)
    except ValueError as error:
        raise Refused("this is not a web address; the site has a mistake, save the page and add the file") from error
    return parse_url(joined)


def shown(text: str) -> str:
    """An address for a message: without user name, password, query and fragment, printable and not long."""
    try:
        url = parse_url(text)
        name = url.origin + url.path + ("?…" if url.query else "")
    except Refused:
        name = re.sub(r"(:/*).*@", r"\1", text, count=1, flags=re.DOTALL)
        name = re.sub(r"\?.*", "?…", name.partition("#")[0], flags=re.DOTALL)
    name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"


def _check(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise Refused(f"the address is longer than {MAX_LENGTH} characters; save the page and add the file")
    if _FORBIDDEN.search(text):
        raise Refused(
            "an address has no spaces, backslashes or control characters; check the spelling, a space is written %20"
        )


def _host(text: str) -> str:
    try:
        if text.startswith("["):
            return str(IPv6Address(text[1:-1]))
        name = text if text.isascii() else _ascii(text)
    except ValueError as error:
        raise Refused("the host is not a name or an address; check the spelling") from error
    name = name.lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise Refused("the host is not a name or an address; check the spelling")
    return name


def _ascii(name: str) -> str:
    """A name in ASCII: UTS 46 maps wide digits and the dots of other scripts to ours, as browsers do.

    Raises ValueError (the errors of idna are UnicodeErrors).
    """
    import idna

    return idna.encode(name, uts46=True).decode("ascii")


def _quoted(text: str) -> str:
    return quote(text, safe="/%:@!$&'()*+,;=?~[]")
