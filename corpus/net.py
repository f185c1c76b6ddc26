"""The door to the network: every web address that is fetched goes through `fetch`, and nothing else does.

What it holds to, on every hop of a redirect alike:

- http and https only, on the ports of `WEB_PORTS`, and never from https to http;
- a host is resolved once; when a single one of its addresses is not public it is refused, and the connection goes to
  the address that was checked (`corpus.addresses`): a DNS answer that changes later changes nothing;
- no proxy, netrc, cookie or login: nothing but the address decides where the request goes;
- one deadline for everything from the first DNS query to the last byte, and a cap on the bytes, also unpacked;
- robots.txt is obeyed (RFC 9309), and a host is asked for a page at most once a second.

No switch opens it to other addresses.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from corpus.addresses import Resolver, system_resolver
from corpus.errors import FetchError
from corpus.raw import MAX_BYTES
from corpus.robots import MAX_BYTES as ROBOTS_BYTES
from corpus.robots import Robots, parse_robots
from corpus.urls import Refused, Url, is_url, join_url, parse_url, shown

if TYPE_CHECKING:
    from corpus.transport import Reply, Visit

__all__ = ["CONTENT_TYPES", "MAX_REDIRECTS", "WEB_PORTS", "Door", "Fetched", "fetch", "is_url"]

AGENT = "articleqa"
SECONDS = 30.0
INTERVAL = 1.0
MAX_DELAY = 10.0  # of what robots.txt may ask for between two pages
MAX_REDIRECTS = 5
WEB_PORTS = frozenset({80, 443, 8080, 8443})
CONTENT_TYPES = frozenset(
    {
        "text/html",
        "text/markdown",
        "text/plain",
        "text/x-markdown",
        "text/xml",
        "application/atom+xml",
        "application/feed+json",
        "application/json",
        "application/jsonl",
        "application/pdf",
        "application/rss+xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/warc",
        "application/x-ndjson",
        "application/xhtml+xml",
        "application/xml",
        "application/zip",
    }
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE | re.ASCII)
_TYPE = re.compile(r"\s*([\w!#$&^.+-]{1,60}/[\w!#$&^.+-]{1,100})\s*(?:[;,]|$)", re.ASCII)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it arrived, unpacked: `url` is where it was in the end, header names are in lower case.

    `content_type` is in lower case without parameters; `charset` is what the header says, which may not exist.
    """

    url: str
    content_type: str
    charset: str | None
    body: bytes
    headers: Mapping[str, str]


class Door:
    """The way to the network, with what it remembers of each site: its robots.txt, and when it may be asked again.

    The parameters are for tests and do not weaken it: whatever `resolve` answers is checked.
    """

    def __init__(
        self,
        *,
        resolve: Resolver = system_resolver,
        ports: Collection[int] = WEB_PORTS,
        interval: float = INTERVAL,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolve = resolve
        self._ports = ports
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._tls = tls
        self._robots: dict[str, Robots] = {}
        self._free_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def fetch(
        self, url: str, *, types: Collection[str] = CONTENT_TYPES, max_bytes: int = MAX_BYTES, seconds: float = SECONDS
    ) -> Fetched:
        """As the function `fetch`."""
        from corpus.transport import Visit

        try:
            visit = Visit(self._resolve, seconds, self._clock, self._tls)
            return self._follow(visit, parse_url(url), lambda at, reply: _page(at, reply, types, max_bytes))
        except Refused as problem:
            raise FetchError(f"{shown(url)}: {problem}") from problem

    def _follow(self, visit: Visit, url: Url, read: Callable[[Url, Reply], T], *, polite: bool = True) -> T:
        """What `read` makes of the answer at the end of the redirects; every hop is checked like the first."""
        first = url
        try:
            for _ in range(MAX_REDIRECTS + 1):
                if url.port not in self._ports:
                    raise Refused(f"port {url.port} is not for web pages; save the page and add the file")
                if polite:
                    self._ask_and_wait(visit, url)
                with visit.get(url, _request_headers()) as reply:
                    if reply.status not in _REDIRECTS:
                        return read(url, reply)
                    location = reply.headers.get("location", "")
                url = _next(url, location)
            raise Refused(f"redirected more than {MAX_REDIRECTS} times; open it in a browser, save the page and add it")
        except Refused as problem:
            if url == first:
                raise
            raise Refused(f"leads to {shown(str(url))}: {problem}") from problem

    def _ask_and_wait(self, visit: Visit, url: Url) -> None:
        robots = self._robots.get(url.origin)
        if robots is None:
            place = Url(url.scheme, url.host, url.port, "/robots.txt")
            robots = self._robots[url.origin] = self._follow(visit, place, _rules, polite=False)
        if not robots.allows(url.target):
            raise Refused("the site's robots.txt asks programs to stay away; save the page in a browser and add it")
        with self._lock:
            now = self._clock()
            start = max(now, self._free_at.get(url.host, now))
            self._free_at[url.host] = start + max(self._interval, min(robots.delay, MAX_DELAY))
        if start > now:
            self._sleep(min(start - now, visit.left()))


_DOOR = Door()


def fetch(
    url: str, *, types: Collection[str] = CONTENT_TYPES, max_bytes: int = MAX_BYTES, seconds: float = SECONDS
) -> Fetched:
    """Fetch a page of the open web: one of `types`, at most `max_bytes` unpacked, within `seconds` in all.

    Raises `FetchError` with one line that names the address, without its query, and the remedy.
    """
    return _DOOR.fetch(url, types=types, max_bytes=max_bytes, seconds=seconds)


def _next(url: Url, location: str) -> Url:
    try:
        following = join_url(url, location)
    except Refused as problem:
        raise Refused(f"redirects to {shown(location)!r}: {problem}") from problem
    if url.scheme == "https" and following.scheme == "http":
        raise Refused("redirects from https to http, where anybody on the way can alter it; save the page and add it")
    return following


def _page(url: Url, reply: Reply, types: Collection[str], max_bytes: int) -> Fetched:
    if reply.status != 200:
        raise Refused(
            f"the server answered {reply.status}; open it in a browser, and if it shows there save the page and add it"
        )
    stated = reply.headers.get("content-type", "")
    found = _TYPE.match(stated)
    kind = found[1].lower() if found else "unknown"
    if kind not in types:
        raise Refused(f"pages of type {kind} are not read; save the text as a file and add that")
    charset = _CHARSET.search(stated)
    return Fetched(str(url), kind, charset[1].lower() if charset else None, reply.read(max_bytes), reply.headers)


def _rules(_url: Url, reply: Reply) -> Robots:
    """The site's rules; none when there is no robots.txt, and no visit while it cannot be read (RFC 9309, 2.3.1)."""
    if 200 <= reply.status < 300:
        try:
            return parse_robots(reply.read(ROBOTS_BYTES).decode("utf-8", "replace"), AGENT)
        except Refused as problem:
            raise Refused(f"the site's robots.txt: {problem}") from problem
    if 400 <= reply.status < 500 and reply.status != 429:
        return Robots()
    raise Refused(f"the site's robots.txt cannot be read (status {reply.status}); try again later")


@cache
def _request_headers() -> Mapping[str, str]:
    return {
        "User-Agent": f"{AGENT}/{version(AGENT)}",
        "Accept": "text/html, application/xhtml+xml, */*;q=0.5",
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
