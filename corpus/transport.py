"""One visit to the network: connections to checked addresses only, under one deadline and a cap on what arrives."""

from __future__ import annotations

import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import httpcore

from corpus.addresses import Address, Resolver, public_addresses
from corpus.urls import Refused, Url

CONNECT_SECONDS = 10.0  # for one address, when a host has several
RATIO = 200  # text packs to a tenth, a bomb to a thousandth
_RATIO_FROM = 2**20
_PIECE = 2**16
_PROBLEM = 150
_GZIP = 31  # what zlib is to expect
_GZIP_STARTS = 0x1F


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer: its status, its headers with lower-case names, and the body, not yet read."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterable[bytes]

    def read(self, limit: int) -> bytes:
        """The body, unpacked. Raises `Refused` as soon as it passes `limit` bytes, packed or not, or is a bomb."""
        too_large = f"larger than {limit // 2**10:,} KiB; save a part of it and add the file"
        length = self.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise Refused(too_large)
        arrived = 0

        def arriving() -> Iterator[bytes]:
            nonlocal arrived
            for chunk in self.chunks:
                arrived += len(chunk)
                if arrived > limit:
                    raise Refused(too_large)
                yield chunk

        body = bytearray()
        for piece in _unpacked(arriving(), self.headers.get("content-encoding", "")):
            body += piece
            if len(body) > limit:
                raise Refused(too_large)
            if len(body) > max(_RATIO_FROM, RATIO * arrived):
                raise Refused(f"unpacks to more than {RATIO} times its size, as no article does; it is not fetched")
        return bytes(body)


class Visit(httpcore.NetworkBackend):
    """What one fetch does on the network, redirects included: `seconds` for everything, each host resolved once."""

    def __init__(
        self, resolve: Resolver, seconds: float, clock: Callable[[], float], tls: ssl.SSLContext | None
    ) -> None:
        self._resolve = resolve
        self._seconds = seconds
        self._clock = clock
        self._ends = clock() + seconds
        self._tls = tls
        self._pinned: dict[str, list[Address]] = {}

    def left(self) -> float:
        """The seconds left, more than none. Raises `Refused` after the deadline."""
        left = self._ends - self._clock()
        if left <= 0:
            raise self._too_slow()
        return left

    @contextmanager
    def get(self, url: Url, headers: Mapping[str, str]) -> Iterator[Reply]:
        """Ask for `url` on a connection of its own; redirects, proxies, cookies and logins do not exist here.

        Raises `Refused`, also from within the block, when the address is not public or the connection fails.
        """
        scheme, host = url.scheme.encode(), url.host.encode()
        place = httpcore.URL(scheme=scheme, host=host, port=url.port, target=url.target.encode())
        tls = (self._tls or _default_tls()) if url.scheme == "https" else None
        try:
            with (
                httpcore.HTTPConnection(place.origin, ssl_context=tls, network_backend=self) as connection,
                connection.stream("GET", place, headers=[*headers.items(), ("Host", url.authority)]) as response,
            ):
                yield Reply(response.status, _headers(response.headers), response.iter_stream())
        except httpcore.TimeoutException as error:
            raise self._too_slow() from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            problem = str(error)[:_PROBLEM]  # h11 quotes whole headers
            raise Refused(f"the connection failed ({problem}); try again, or save the page and add the file") from error

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's checked addresses that answers; called by httpcore."""
        problem: Exception | None = None
        for address in self._addresses(host, port):
            try:
                stream = httpcore.SyncBackend().connect_tcp(str(address), port, min(CONNECT_SECONDS, self.left()))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
            else:
                return _Timed(stream, self.left)
        self.left()
        raise Refused("the host does not answer; try again later") from problem

    def _addresses(self, host: str, port: int) -> list[Address]:
        if host not in self._pinned:
            try:
                self._pinned[host] = _within(self.left(), partial(public_addresses, host, port, self._resolve))
            except TimeoutError as error:
                raise self._too_slow() from error
        return self._pinned[host]

    def _too_slow(self) -> Refused:
        return Refused(f"took longer than {self._seconds:g} s; try again later, or save the page and add the file")


class _Timed(httpcore.NetworkStream):
    """A stream whose every wait ends at the visit's deadline, however little arrives however often."""

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._left)
        except BaseException:
            self.close()
            raise

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        return self._stream.get_extra_info(info)


@cache
def _default_tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


def _within(seconds: float, work: Callable[[], list[Address]]) -> list[Address]:
    """The result of `work`, which nothing can interrupt (a DNS query), or TimeoutError; its thread is left behind."""
    outcome: Future[list[Address]] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised again where the result is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome.result(seconds)


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; those that come several times are joined with commas (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        key = name.decode("ascii").lower()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _unpacked(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The body in pieces of at most 64 KiB, so that a bomb is noticed before it is large; several members are one."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        yield from chunks
        return
    if coding not in ("gzip", "x-gzip"):
        raise Refused("packed in a way that was not asked for; save the page and add the file")
    inflate = zlib.decompressobj(_GZIP)
    for chunk in chunks:
        data = chunk
        while data:
            if inflate.eof:
                if data[0] != _GZIP_STARTS:
                    return  # padding, which browsers ignore too
                inflate = zlib.decompressobj(_GZIP)
            try:
                yield inflate.decompress(data, _PIECE)
            except zlib.error as error:
                raise Refused("what arrived is damaged; try again, or save the page and add the file") from error
            data = inflate.unused_data or inflate.unconsumed_tail
    if not inflate.eof:
        raise Refused("what arrived is cut off; try again, or save the page and add the file")
