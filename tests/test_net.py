"""The door to the network, against sites on loopback that pretend to be public, and a canary that must never sing."""

import errno
import gzip
import ipaddress
import os
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import ArticleFileError
from corpus import addresses as addresses_module
from corpus.addresses import is_public, public_addresses, system_resolver, why_not_public
from corpus.errors import FetchError
from corpus.net import CONTENT_TYPES, WEB_PORTS, Door, Fetched, fetch, is_url
from corpus.robots import Robots, parse_robots
from corpus.urls import Refused, parse_url, shown

PUBLIC = "93.184.216.34"
PAGE = b"<html><body>The bridge was opened in spring.</body></html>"


# --- a network for tests ------------------------------------------------------------------------------------------


def http(body: bytes = PAGE, status: int = 200, kind: str | None = "text/html", **headers: str) -> bytes:
    """A whole answer; `last_modified="x"` is the header `last-modified: x`."""
    fields = {"content-length": str(len(body)), **({"content-type": kind} if kind else {})}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in fields.items() if value), "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return http(b"", status, location=location)


class Site(socketserver.ThreadingTCPServer):
    """A site that answers by path with bytes, or with what a function from the path yields; 404 for the rest."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None, family: int = socket.AF_INET) -> None:
        self.address_family = family
        super().__init__(("127.0.0.1" if family == socket.AF_INET else "::1", 0), Visitor)
        self.pages: dict[str, bytes | Callable[[str], bytes | Iterator[bytes]]] = {}
        self.asked: list[str] = []
        self.requests: list[str] = []
        self.tls = tls
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def pages_asked(self) -> list[str]:
        return [path for path in self.asked if path != "/robots.txt"]

    def drip(self, start: bytes, drop: bytes) -> Callable[[str], Iterator[bytes]]:
        def drops(_path: str) -> Iterator[bytes]:
            yield start
            while not self.over.wait(0.02):
                yield drop

        return drops

    def handle_error(self, request, client_address):
        error = sys.exception() if sys.version_info >= (3, 12) else sys.exc_info()[1]
        if not isinstance(error, OSError):  # a caller that hangs up is no mistake of the site's
            super().handle_error(request, client_address)

    def close(self) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class Visitor(socketserver.StreamRequestHandler):
    def setup(self) -> None:
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        lines = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
        if not lines:
            return
        path = lines[0].split(" ")[1]
        self.server.asked.append(path)
        self.server.requests.append("\n".join(lines))
        page = self.server.pages.get(path) or next(
            (found for name, found in self.server.pages.items() if name.endswith("*") and path.startswith(name[:-1])),
            http(b"", 404),
        )
        answer = page(path) if callable(page) else page
        for piece in [answer] if isinstance(answer, bytes) else answer:
            self.wfile.write(piece)

    def finish(self) -> None:
        super().finish()
        if self.server.tls:
            self.request.close()


class Internet:
    """Names and public addresses for sites that listen on loopback, and a record of every attempt to connect.

    Connections to loopback itself go through, so that a canary there can hear them; others find no way.
    """

    def __init__(self, monkeypatch) -> None:
        self.names: dict[str, list[str]] = {}
        self.resolved: list[str] = []
        self.connected: list[str] = []
        self.sites: dict[tuple[str, int], Site] = {}
        connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

        def connect_here(sock: socket.socket, place: tuple) -> None:
            self.connected.append(place[0])
            site = self.sites.get(place[:2])
            address = ipaddress.ip_address(place[0])
            inner = address if isinstance(address, IPv4Address) else (address.ipv4_mapped or address)
            if site:
                connect(sock, site.server_address)
            elif inner.is_loopback or inner.is_unspecified:
                connect(sock, place)
            else:
                raise OSError(errno.ENETUNREACH, "no way there from this test")

        def look_up_numbers(host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002
            return getaddrinfo(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)

        monkeypatch.setattr(socket.socket, "connect", connect_here)
        monkeypatch.setattr(socket, "getaddrinfo", look_up_numbers)

    def resolve(self, host: str, port: int) -> list[tuple]:
        """The addresses of a known name; numbers in every spelling that the system knows."""
        self.resolved.append(host)
        spellings = self.names.get(host, [host])
        return [place for spelling in spellings for place in system_resolver(spelling, port)]

    def site(self, name: str, port: int = 80, tls: ssl.SSLContext | None = None) -> Site:
        address = f"93.184.216.{34 + len(self.sites)}"
        site = self.sites[address, port] = Site(tls)
        self.names[name] = [address]
        return site

    def door(self, **options) -> Door:
        def never(_seconds: float) -> None:
            raise AssertionError("a test slept")

        return Door(**{"resolve": self.resolve, "interval": 0.0, "sleep": never, **options})

    def close(self) -> None:
        for site in self.sites.values():
            site.close()

    @property
    def strayed(self) -> list[str]:
        """What was connected to that is not a site's public address."""
        return [host for host in self.connected if host not in {address for address, _ in self.sites}]


class Canary:
    """Listeners on every IPv4 address of this machine and on ::1, with one port, that count who comes."""

    def __init__(self) -> None:
        self.ears = [socket.create_server(("0.0.0.0", 0))]
        self.port = self.ears[0].getsockname()[1]
        self.server_address = ("127.0.0.1", self.port)
        with suppress(OSError):  # a machine without IPv6
            self.ears.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))

    def heard(self) -> int:
        count = 0
        for ear in self.ears:
            ear.settimeout(0)
            while True:
                try:
                    ear.accept()[0].close()
                except BlockingIOError:
                    break
                count += 1
        return count

    def close(self) -> None:
        for ear in self.ears:
            ear.close()


@pytest.fixture
def internet(monkeypatch):
    network = Internet(monkeypatch)
    yield network
    network.close()


@pytest.fixture
def canary():
    bird = Canary()
    yield bird
    bird.close()


@pytest.fixture
def site(internet) -> Site:
    found = internet.site("news.example")
    found.pages["/a"] = http()
    return found


def refusal(door: Door, url: str, **options) -> str:
    """The message with which an address is refused: one line that begins with the address as it may be shown."""
    with pytest.raises(FetchError) as caught:
        door.fetch(url, **options)
    message = str(caught.value)
    assert message.splitlines() == [message]
    assert message.isprintable()
    assert len(message) < 800
    assert message.startswith(f"{shown(url)}: ")
    return message.removeprefix(f"{shown(url)}: ")


# --- spellings ----------------------------------------------------------------------------------------------------

PRIVATE_4 = """127.0.0.1 127.8.9.10 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.254
    192.168.0.1 192.168.1.254 169.254.169.254 169.254.0.1 169.254.170.2 100.64.0.1 100.100.100.200 168.63.129.16
    192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 192.88.99.1 224.0.0.1 239.255.255.250 240.0.0.1
    255.255.255.255""".split()
PRIVATE_6 = """:: ::1 0:0:0:0:0:0:0:1 0000:0000:0000:0000:0000:0000:0000:0001 ::0001 0::1 fc00::1 fd00::1 fd00:ec2::254
    FD12:3456:789A::1 fe80::1 FE80::A9FE:A9FE febf::1 fec0::1 feff::1 ff02::1 FF0E::1 2001:db8::1 2001:DB8:ffff::1
    3fff::1 100::1 2001:2::1 2001:10::1 2001:20::1 2001::1 2620:4f:8000::1 4000::1 5f00::1 8000::1 1::1""".split()
PUBLIC_4 = "1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.0.1.1 223.255.255.255"
PUBLIC_6 = "2606:2800:220:1:248:1893:25c8:1946 2001:4860:4860::8888 2001:200::1 2a00:1450:4001::200e 2003::1 2400::1"

CIRCLED = str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")
WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")
BOLD = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")


def spellings_of_4(dotted: str) -> list[str]:
    whole, (a, b, c, d) = int(IPv4Address(dotted)), dotted.split(".")
    numbers = [int(part) for part in (a, b, c, d)]
    return [
        dotted,
        dotted + ".",
        str(whole),
        f"{whole:#x}",
        f"{whole:#X}",
        f"0x{whole:016x}",
        f"0{whole:o}",
        f"000{whole:o}",
        ".".join(f"{n:#x}" for n in numbers),
        ".".join(f"0{n:o}" for n in numbers),
        ".".join(f"{n:06o}" for n in numbers),
        f"{numbers[0]:#x}.{b}.0{numbers[2]:o}.{d}",
        f"{a}.{whole & 0xFFFFFF}",
        f"{a}.{whole & 0xFFFFFF:#x}",
        f"{a}.{b}.{whole & 0xFFFF}",
        f"0{numbers[0]:o}.{b}.0{whole & 0xFFFF:o}",
        dotted.translate(WIDE),
        dotted.translate(CIRCLED),
        dotted.translate(BOLD),
        dotted.replace(".", "\u3002"),
        dotted.replace(".", "\uff61"),
        f"{a}\u00ad.{b}\u3002{c}．{d}",
    ]


def inside_6(dotted: str) -> list[str]:
    """The IPv6 addresses that stand for an IPv4 address."""
    whole = int(IPv4Address(dotted))
    pair = f"{whole >> 16:x}:{whole & 0xFFFF:x}"
    hidden = f"{~whole >> 16 & 0xFFFF:x}:{~whole & 0xFFFF:x}"
    return [
        f"[::ffff:{dotted}]",
        f"[::ffff:{pair}]",
        f"[::FFFF:{pair.upper()}]",
        f"[0:0:0:0:0:ffff:{pair}]",
        f"[::{dotted}]",
        f"[::ffff:0:{dotted}]",
        f"[64:ff9b::{dotted}]",
        f"[64:FF9B:0:0:0:0:{pair}]",
        f"[64:ff9b:1::{dotted}]",
        f"[2002:{pair}::]",
        f"[2002:{pair}::1]",
        f"[2001:0:{pair}::1]",
        f"[2001:0:4136:e378:8000:63bf:{hidden}]",
        f"[2606:2800:220:1:0:5efe:{pair}]",
        f"[2606:2800:220:1:200:5efe:{pair}]",
    ]


def spellings() -> list[str]:
    """Hosts in web addresses that stand for addresses that are not public, each once."""
    hosts = [form for dotted in PRIVATE_4 for form in (*spellings_of_4(dotted), *inside_6(dotted))]
    hosts += [form for dotted in PUBLIC_4.split() for form in inside_6(dotted)]
    hosts += [f"[{address}]" for address in PRIVATE_6]
    return list(dict.fromkeys(hosts))


SPELLINGS = spellings()


def test_there_are_enough_spellings():
    assert len(SPELLINGS[::2]) >= 500  # as many as the slower tests try


@pytest.mark.parametrize("address", [*PRIVATE_4, *PRIVATE_6, *(form.strip("[]") for form in inside_6("8.8.8.8"))])
def test_addresses_that_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "cloud metadata"),
        ("169.254.1.1", "link-local"),
        ("10.1.2.3", "private"),
        ("::ffff:8.8.8.8", "IPv4 inside IPv6"),
        ("64:ff9b::8.8.8.8", "NAT64"),
        ("64:ff9b:1::1", "NAT64"),
        ("2002:808:808::", "6to4"),
        ("2001:0:808:808::", "Teredo"),
        ("2606:2800::5efe:808:808", "ISATAP"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"),
    ],
)
def test_addresses_that_are_not_public_are_named(address, kind):
    assert why_not_public(ipaddress.ip_address(address)) == kind


@pytest.mark.parametrize("address", [*PUBLIC_4.split(), *PUBLIC_6.split()])
def test_addresses_that_are_public(address):
    assert why_not_public(ipaddress.ip_address(address)) is None


def test_a_scope_makes_an_address_local():
    assert not is_public(IPv6Address("2606:2800::1%eth0"))
    with pytest.raises(Refused, match="link-local"):
        public_addresses("x.example", 80, lambda _host, port: [("2606:2800::1", port, 0, 3)])


@given(st.integers(0, 2**32 - 1))
def test_public_is_never_wider_than_what_python_calls_global(number):
    address = IPv4Address(number)
    assert not is_public(address) or address.is_global


# --- not one connection to a place that is not public -------------------------------------------------------------


def test_spellings_asked_for_directly(internet, canary):
    door = internet.door(ports={canary.port})
    for host in SPELLINGS:
        message = refusal(door, f"http://{host}:{canary.port}/", seconds=2)
        assert message.startswith("the host's address is not public ("), host
    assert (internet.connected, canary.heard()) == ([], 0)
    assert len(internet.resolved) == len(SPELLINGS)


def test_spellings_behind_one_to_five_redirects(internet, canary):
    site = internet.site("news.example")

    def step(path: str) -> bytes:
        _, left, number = path.rsplit("/", 2)
        if int(left) > 1:
            return redirect(f"/to/{int(left) - 1}/{number}", (301, 302, 303, 307, 308)[int(left) - 1])
        scheme = "http:" if int(number) % 2 else ""
        return redirect(f"{scheme}//{SPELLINGS[int(number)]}:{canary.port}/")

    site.pages["/to/*"] = step
    door = internet.door(ports={80, canary.port})
    for number, host in list(enumerate(SPELLINGS))[::2]:
        message = refusal(door, f"http://news.example/to/{number % 5 + 1}/{number}", seconds=20)
        assert re.match(r"leads to http://\S+: the host's address is not public \(", message), host
    assert (internet.strayed, canary.heard()) == ([], 0)


def test_spellings_that_dns_changes_to(internet, canary):
    site = internet.site("rebind.example", canary.port)
    site.pages["/a"] = http()
    good = internet.names["rebind.example"]
    door = internet.door(ports={canary.port})
    url = f"http://rebind.example:{canary.port}/a"
    for host in SPELLINGS[::2]:
        internet.names["rebind.example"] = good
        assert door.fetch(url).body == PAGE
        internet.names["rebind.example"] = [parse_url(f"http://{host}/").host]
        assert "not public" in refusal(door, url), host
    assert (internet.strayed, canary.heard()) == ([], 0)


def test_spellings_among_public_addresses(internet, canary):
    internet.site("mixed.example", canary.port)
    good = [*internet.names["mixed.example"], "2606:2800:220:1::34"]
    door = internet.door(ports={canary.port})
    for number, host in enumerate(SPELLINGS):
        bad = [parse_url(f"http://{host}/").host]
        internet.names["mixed.example"] = bad + good if number % 2 else good + bad
        assert "not public" in refusal(door, f"http://mixed.example:{canary.port}/"), host
    assert (internet.connected, canary.heard()) == ([], 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "0", "[::ffff:127.0.0.1]"])
def test_the_canary_would_hear_a_connection(internet, canary, monkeypatch, host):
    monkeypatch.setattr(addresses_module, "why_not_public", lambda _address: None)
    refusal(internet.door(ports={canary.port}), f"http://{host}:{canary.port}/", seconds=0.2)
    assert canary.heard() == 1


def test_a_host_is_resolved_once_in_a_fetch(internet, canary):
    site = internet.site("rebind.example", canary.port)
    site.pages |= {"/a": redirect("/b"), "/b": redirect(f"HTTP://REBIND.example.:{canary.port}/c"), "/c": http()}
    good, asked = internet.names["rebind.example"], []

    def first_public_then_loopback(host: str, port: int) -> list[tuple]:
        asked.append(host)
        return system_resolver(good[0] if len(asked) == 1 else "127.0.0.1", port)

    door = internet.door(ports={canary.port}, resolve=first_public_then_loopback)
    assert door.fetch(f"http://rebind.example:{canary.port}/a").body == PAGE
    assert (asked, internet.connected) == (["rebind.example"], good * 4)
    assert "not public" in refusal(door, f"http://rebind.example:{canary.port}/a")
    assert (internet.strayed, canary.heard()) == ([], 0)


def test_a_redirect_of_robots_txt_is_checked_too(internet, canary, site):
    site.pages["/robots.txt"] = redirect(f"http://127.0.0.1:{canary.port}/robots.txt")
    message = refusal(internet.door(ports={80, canary.port}), "http://news.example/a")
    assert message.startswith(f"leads to http://127.0.0.1:{canary.port}/robots.txt: the host's address is not public")
    assert (internet.strayed, canary.heard()) == ([], 0)


def test_the_default_door_has_no_way_to_loopback(internet, canary):
    for url in ("http://localhost/", "http://127.0.0.1/", "http://[::1]/", f"http://127.0.0.1:{canary.port}/"):
        with pytest.raises(FetchError):
            fetch(url)
    assert (internet.connected, canary.heard()) == ([], 0)


def test_the_first_address_that_answers_is_taken(internet, site):
    internet.names["news.example"] = ["2606:2800:220:1::34", "93.184.216.200", *internet.names["news.example"]]
    assert internet.door().fetch("http://news.example/a").body == PAGE
    internet.names["news.example"] = ["2606:2800:220:1::34", "93.184.216.200"]
    assert "does not answer" in refusal(internet.door(), "http://news.example/a")


def test_a_site_with_an_ipv6_address(internet):
    try:
        site = internet.sites["2606:2800:220:1::34", 80] = Site(family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    site.pages["/a"] = http()
    fetched = internet.door().fetch("http://[2606:2800:220:0001::0.0.0.52]:80/a")
    assert fetched.url == "http://[2606:2800:220:1::34]/a"
    assert "\nHost: [2606:2800:220:1::34]" in site.requests[-1]
    assert internet.strayed == []


# --- addresses as they are written --------------------------------------------------------------------------------

TRICKS = [
    "http://127.0.0.1:80\\@news.example/",
    "http://news.example\\@127.0.0.1/",
    "http:\\\\127.0.0.1/",
    "http://news.example@127.0.0.1/",
    "http://news.example:80@127.0.0.1:80/",
    "http://@127.0.0.1/",
    "http://:@news.example/a",
    "http:///127.0.0.1/",
    "http:/127.0.0.1/",
    "http:127.0.0.1",
    "http://",
    "https://",
    "http://?",
    "http://#@127.0.0.1/",
    "http://[::1%25lo]/",
    "http://[fe80::1%eth0]/",
    "http://[v1.x]/",
    "http://[]/",
    "http://[::1",
    "http://::1/",
    "http://[::1]x/",
    "http://x[::1]/",
    "http://[127.0.0.1]/",
    "http://127%2e0%2e0%2e1/",
    "http://%6cocalhost/",
    "http://127..0.0.1/",
    "http://127.0.0.1../",
    "http://./",
    "http://-x.example/",
    "http://news.example:/\n",
    "http://news.example:80:80/",
    "http://news.example:x/",
    "http://news.example:-80/",
    "http://news.example:8０/",
    "http://news.example:999999/",
    "http://news.example:65616/",
    "http://news.example:0/",
    "http://news.example:22/",
    "http://news.example:25/",
    "http://news.example:6379/",
    "http://news.example:11211/",
    "http://news.example /a",
    "http://news.example/a b",
    "http://news.example/a\r\nHost: 127.0.0.1",
    "http://news.example/a\r\n\r\nGET /secret HTTP/1.1",
    "http://news.example/\x00",
    "http://news.example/\x1b[31m",
    "http://news.example/\x7f",
    "http://news.example\t/a",
    "ht\ntp://news.example/a",
    "\x00http://news.example/a",
    " http://news.example/a",
    "http://news.example/a\u00a0",
    "http://news.example/\ud800",
    "http://\ud800/",
    "http://news.example／a",
    "http://news.example＠127.0.0.1/",
    "http://news.example？/",
    "http://news.example＃@127.0.0.1/",
    "http://a℀b.example/",
    "http://\u200b/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 200 + "example/",
    "http://news.example/" + "a" * 9000,
    "ftp://news.example/a",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/stat",
    "javascript:alert(1)",
    "data:text/html,x",
    "jar:http://news.example/a",
    "unix:///var/run/docker.sock",
    "//news.example/a",
    "news.example/a",
    "",
]


@pytest.mark.parametrize("url", TRICKS)
def test_tricks_are_refused_without_a_connection(internet, site, url):
    refusal(internet.door(), url)
    assert internet.connected == []


@pytest.mark.parametrize("user", ["me:secret@", "me@", "@", ":@"])
def test_logins_are_refused_and_not_repeated(internet, site, user):
    site.pages["/b"] = redirect(f"http://{user}news.example/a")
    for message in (
        refusal(internet.door(), f"http://{user}news.example/a"),
        refusal(internet.door(), "http://news.example/b"),
    ):
        assert "an address with a user name or password is not fetched" in message
        assert "secret" not in message


def test_redirects_to_tricks_are_refused(internet, site):
    tricks = [
        url for url in TRICKS if ":" in url and not {"\r", "\n", "\x00", "\ud800"} & set(url) and url.strip() == url
    ]
    assert len(tricks) > 50
    door = internet.door()
    for url in tricks:
        site.pages["/to"] = redirect(url)
        refusal(door, "http://news.example/to")
    assert internet.strayed == []


@settings(max_examples=100)
@given(st.one_of(st.text(), st.text().map("http://".__add__), st.from_regex(r"https?://[ -~]*", fullmatch=True)))
def test_any_text_is_fetched_or_refused_in_one_line(text):
    def nobody(_host: str, _port: int) -> list[tuple]:
        raise socket.gaierror("nobody")

    refusal(Door(resolve=nobody), text)


@pytest.mark.parametrize(
    ("url", "asked", "host"),
    [
        ("http://news.example/a", "/a", "news.example"),
        ("HTTP://NEWS.Example./a#part", "/a", "news.example"),
        ("http://news.example:80/a", "/a", "news.example"),
        ("http://news.example:/a", "/a", "news.example"),
        ("http://ｎｅｗｓ。example/a", "/a", "news.example"),
        ("http://news.example/é?q=ü&x=%20", "/%C3%A9?q=%C3%BC&x=%20", "news.example"),
        ("http://news.example?q", "/?q", "news.example"),
        ('http://news.example/"<>|^`{}', "/%22%3C%3E%7C%5E%60%7B%7D", "news.example"),
        ("http://news.example/a@b:c//d", "/a@b:c//d", "news.example"),
        ("http://news.example:8080/a", "/a", "news.example:8080"),
        ("http://bücher.example/a", "/a", "xn--bcher-kva.example"),
        ("http://faß.example/a", "/a", "xn--fa-hia.example"),
        ("http://93.184.216.34/a", "/a", "93.184.216.34"),
        ("http://0x5d.0xb8.0xd8.0x22/a", "/a", "0x5d.0xb8.0xd8.0x22"),
    ],
)
def test_what_the_server_is_asked(internet, url, asked, host):
    site = internet.site("news.example")
    internet.sites[PUBLIC, 8080] = site
    for name in ("xn--bcher-kva.example", "xn--fa-hia.example"):
        internet.names[name] = [PUBLIC]
    site.pages["/*"] = http()
    site.pages["/robots.txt"] = http(b"", 404)
    fetched = internet.door().fetch(url)
    assert site.pages_asked() == [asked]
    assert f"\nHost: {host}\n" in site.requests[-1] + "\n"
    assert fetched.url == f"http://{host}{asked}"
    assert set(internet.connected) == {PUBLIC}


def test_the_request_says_who_asks_and_nothing_of_the_user(internet, site, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine news.example login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    site.pages["/b"] = http(b"", 302, location="/a", set_cookie="who=you")
    internet.door().fetch("http://news.example/b")
    assert internet.strayed == []
    for request in site.requests:
        assert re.search(r"^User-Agent: articleqa/\d+\.\d+\S*$", request, re.MULTILINE)
        names = {line.partition(":")[0].lower() for line in request.splitlines()[1:]}
        assert names == {"user-agent", "accept", "accept-encoding", "connection", "host"}


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://news.example/a?token=secret#secret", "https://news.example/a?…"),
        ("https://me:secret@news.example/a", "https://news.example/a"),
        ("https://me:se/cret@news.example/a", "https://news.example/a"),
        ("https://me:se?cret@news.example/a", "https://news.example/a"),
        ("https://me:secret\\@news.example/a\n", "https://news.example/a\ufffd"),
        ("ftp://me:secret@news.example/a?secret", "ftp://news.example/a?…"),
        ("https://news.example/@me/a", "https://news.example/@me/a"),
        ("https://news.example/\x1b[2J", "https://news.example/\ufffd[2J"),
        ("https://news.example/" + "a" * 999, "https://news.example/" + "a" * 138 + "…"),
    ],
)
def test_addresses_are_shown_without_secrets(text, safe):
    assert shown(text) == safe


@pytest.mark.parametrize("text", ["http://x", "HTTPS://x", "ftp://x", "file:///x", "http:x", "https:/x", "gopher://"])
def test_is_url(text):
    assert is_url(text)


@pytest.mark.parametrize("text", ["a.txt", "/a/b", "./http", "C:\\a", "C:/a", "a b://c", "://x", "", "httpx.md", "~/a"])
def test_is_no_url(text):
    assert not is_url(text)


def test_hosts_that_are_not_known(internet):
    assert "not known" in refusal(internet.door(), "http://nowhere.example/")
    assert "no address" in refusal(internet.door(resolve=lambda *_: []), "http://nowhere.example/")


def test_an_unfetched_page_counts_as_an_unreadable_file():
    assert issubclass(FetchError, ArticleFileError)


# --- redirects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_five_times(internet, status):
    site, other = internet.site("news.example"), internet.site("other.example")
    for number in range(4):
        site.pages[f"/{number}"] = redirect(f"/{number + 1}", status)
    site.pages["/4"] = redirect("//other.example/a?x=1#part", status)
    other.pages["/a?x=1"] = http()
    fetched = internet.door().fetch("http://news.example/0")
    assert (fetched.body, fetched.url) == (PAGE, "http://other.example/a?x=1")


@pytest.mark.parametrize("location", ["/a", "", "http://other.example/a", "?x"])
def test_redirects_without_end_are_refused(internet, site, location):
    internet.names["other.example"] = internet.names["news.example"]
    site.pages |= {"/a": redirect(location), "/a?x": redirect(location)}
    assert "redirected more than 5 times" in refusal(internet.door(), "http://news.example/a")
    assert len(site.pages_asked()) == 6


@pytest.mark.parametrize("location", ["ftp://x/", "file:///etc/passwd", "javascript:alert(1)", "data:text/html,x"])
def test_redirects_to_other_schemes_are_refused(internet, site, location):
    site.pages["/a"] = redirect(location)
    message = refusal(internet.door(), "http://news.example/a")
    assert message.startswith("redirects to '")
    assert "only http and https" in message


@pytest.mark.parametrize("status", [300, 304, 204, 206, 400, 401, 403, 404, 410, 429, 451, 500, 503, 999])
def test_other_statuses_are_refused(internet, site, status):
    site.pages["/a"] = http(PAGE if status not in (204, 304) else b"", status, location="http://127.0.0.1/")
    message = refusal(internet.door(), "http://news.example/a")
    assert f"the server answered {status}" in message


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[str, str]:
    """A certificate for news.example and its key."""
    if not shutil.which("openssl"):
        pytest.skip("makes its certificate with openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x".split(),
            *("-addext", "subjectAltName=DNS:news.example", "-out", files[0], "-keyout", files[1]),
        ],
        check=True,
        capture_output=True,
    )
    return files


@pytest.fixture
def secure(internet, certificate):
    """A site with that certificate, a door that trusts it, and the names that were asked for in the handshake."""
    server, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    server.load_cert_chain(*certificate)
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    site = internet.site("news.example", 443, tls=server)
    site.pages["/a"] = http()
    return site, internet.door(tls=ssl.create_default_context(cafile=certificate[0])), names


def test_tls_is_for_the_name_and_goes_to_the_checked_address(internet, secure):
    site, door, names = secure
    assert door.fetch("https://NEWS.example./a").url == "https://news.example/a"
    assert names == ["news.example"] * 2
    assert internet.connected == internet.names["news.example"] * 2
    assert "\nHost: news.example" in site.requests[-1]


def test_tls_for_another_name_is_refused(internet, secure):
    internet.names["other.example"] = internet.names["news.example"]
    assert "certificate" in refusal(secure[1], "https://other.example/a")


def test_tls_with_an_unknown_certificate_is_refused(internet, secure):
    assert "certificate" in refusal(internet.door(), "https://news.example/a")
    assert secure[0].requests == []


def test_no_redirect_from_https_to_http(internet, secure):
    site, door, _ = secure
    plain = internet.site("plain.example")
    site.pages["/a"] = redirect("http://plain.example/a")
    assert "from https to http" in refusal(door, "https://news.example/a")
    plain.pages["/b"] = redirect("https://news.example/b")
    site.pages["/b"] = http()
    assert door.fetch("http://plain.example/b").url == "https://news.example/b"
    assert plain.pages_asked() == ["/b"]


# --- time ---------------------------------------------------------------------------------------------------------

HEADERS = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        pytest.param(HEADERS + b"content-length: 100000\r\n\r\n", b"x", id="body"),
        pytest.param(HEADERS + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="chunks"),
        pytest.param(HEADERS + b"\r\n", b"x", id="body without length"),
        pytest.param(HEADERS, b"x: y\r\n", id="headers"),
        pytest.param(b"H", b"T", id="status"),
        pytest.param(b"", b"", id="silence"),
        pytest.param(b"", b"HTTP/1.1 103 Early\r\n\r\n", id="early hints"),
        pytest.param(HEADERS + b"content-encoding: gzip\r\n\r\n", gzip.compress(b""), id="empty gzip members"),
    ],
)
@pytest.mark.parametrize("path", ["/a", "/robots.txt"])
def test_a_slow_drip_is_cut_at_the_deadline(internet, site, start, drop, path):
    site.pages[path] = site.drip(start, drop)
    begun = time.monotonic()
    assert "took longer than 0.2 s" in refusal(internet.door(), "http://news.example/a", seconds=0.2)
    assert time.monotonic() - begun < 5


def test_a_handshake_that_stalls_is_cut_at_the_deadline(internet, site, canary):
    internet.sites[PUBLIC, 443] = canary  # which listens, but says nothing
    begun = time.monotonic()
    assert "took longer than 0.2 s" in refusal(internet.door(), "https://news.example/a", seconds=0.2)
    assert time.monotonic() - begun < 4


def test_the_deadline_is_for_all_hops_together(internet, site):
    def slow(_path: str) -> Iterator[bytes]:
        site.over.wait(0.2)
        yield redirect("/a")

    site.pages["/a"] = slow
    assert "took longer than 0.5 s" in refusal(internet.door(), "http://news.example/a", seconds=0.5)
    assert len(site.pages_asked()) <= 3


def test_a_name_server_that_is_silent_is_cut_at_the_deadline(internet):
    over = threading.Event()

    def silent(_host: str, _port: int) -> list[tuple]:
        over.wait(10)
        return []

    message = refusal(internet.door(resolve=silent), "http://news.example/a", seconds=0.2)
    over.set()
    assert "took longer than 0.2 s" in message


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


def test_a_host_is_asked_once_a_second(internet, site):
    other, clock = internet.site("other.example"), Clock()
    other.pages["/a"] = http()
    site.pages["/b"] = redirect("/a")
    door = internet.door(clock=clock, sleep=clock.sleep, interval=1.0)
    door.fetch("http://news.example/a")
    door.fetch("http://other.example/a")
    assert clock.slept == []
    door.fetch("http://NEWS.example/a")
    door.fetch("http://news.example/b")
    assert clock.slept == [1.0, 1.0, 1.0]
    clock.now += 0.75
    door.fetch("http://news.example/a")
    assert clock.slept[3:] == [0.25]


@pytest.mark.parametrize(("asked", "waited"), [("3", 3.0), ("0.2", 1.0), ("86400", 10.0), ("-5", 1.0), ("x", 1.0)])
def test_robots_txt_may_ask_for_more_time(internet, site, asked, waited):
    clock = Clock()
    site.pages["/robots.txt"] = http(f"User-agent: *\nCrawl-delay: {asked}\n".encode())
    door = internet.door(clock=clock, sleep=clock.sleep, interval=1.0)
    door.fetch("http://news.example/a")
    door.fetch("http://news.example/a")
    assert clock.slept == [waited]


def test_waiting_for_a_turn_ends_at_the_deadline(internet, site):
    clock = Clock()
    door = internet.door(clock=clock, sleep=clock.sleep, interval=100.0)
    door.fetch("http://news.example/a")
    assert "took longer than 5 s" in refusal(door, "http://news.example/a", seconds=5)
    assert clock.slept == [5.0]


# --- what arrives -------------------------------------------------------------------------------------------------


def test_a_page_as_it_arrives(internet, site):
    site.pages["/a"] = http(PAGE, kind='Text/HTML; x=y; Charset="UTF-8"', last_modified="Tue, 27 Feb 2024 09:00:00 GMT")
    fetched = internet.door().fetch("http://news.example/a")
    assert fetched == Fetched("http://news.example/a", "text/html", "utf-8", PAGE, fetched.headers)
    assert fetched.headers["last-modified"] == "Tue, 27 Feb 2024 09:00:00 GMT"


@pytest.mark.parametrize("kind", sorted(CONTENT_TYPES))
def test_types_that_are_read(internet, site, kind):
    site.pages["/a"] = http(kind=kind)
    fetched = internet.door().fetch("http://news.example/a")
    assert (fetched.content_type, fetched.charset) == (kind, None)


@pytest.mark.parametrize(
    "kind",
    ["image/png", "application/octet-stream", "video/mp4", "text/css", "text", "html", ";", "text/html x", None],
)
def test_types_that_are_not_read(internet, site, kind):
    site.pages["/a"] = http(kind=kind)
    assert "are not read" in refusal(internet.door(), "http://news.example/a")


def test_types_can_be_narrowed(internet, site):
    assert "type text/html are not read" in refusal(internet.door(), "http://news.example/a", types={"text/plain"})


TEXT = b"The bridge was opened in spring. " * 40
PACKED = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "x-gzip": gzip.compress(TEXT, mtime=0),
    "GZIP": gzip.compress(TEXT[:50], mtime=0) + gzip.compress(TEXT[50:], mtime=0) + b"padding",
    "identity": TEXT,
}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("step", [1, 100, 10**6])
def test_packed_bodies(internet, site, coding, step):
    body = PACKED[coding]

    def chunks(_path: str) -> Iterator[bytes]:
        yield HEADERS + f"content-encoding: {coding}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        for piece in (body[start : start + step] for start in range(0, len(body), step)):
            yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        yield b"0\r\n\r\n"

    site.pages["/a"] = chunks
    assert internet.door().fetch("http://news.example/a").body == TEXT


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "compress", "gzip, gzip", "gzip, br", "x", "*"])
def test_other_codings_are_refused(internet, site, coding):
    site.pages["/a"] = http(gzip.compress(PAGE), content_encoding=coding)
    assert "not asked for" in refusal(internet.door(), "http://news.example/a")


@pytest.mark.parametrize(
    ("body", "problem"),
    [(PACKED["gzip"][:-20], "cut off"), (PAGE, "damaged"), (PACKED["gzip"][:-6] + bytes(6), "damaged")],
)
def test_bodies_that_cannot_be_unpacked(internet, site, body, problem):
    site.pages["/a"] = http(body, content_encoding="gzip")
    assert problem in refusal(internet.door(), "http://news.example/a")


def test_a_body_that_is_cut_off_is_refused(internet, site):
    site.pages["/a"] = http(PAGE, content_length="1000")
    assert "the connection failed" in refusal(internet.door(), "http://news.example/a")


@pytest.mark.parametrize("path", ["/a", "/robots.txt"])
@pytest.mark.parametrize("members", [1, 64])
def test_bombs_are_refused_before_they_grow(internet, site, path, members):
    site.pages[path] = http(gzip.compress(bytes(2**26 // members)) * members, content_encoding="gzip")
    tracemalloc.start()
    try:
        message = refusal(internet.door(), "http://news.example/a")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ("times its size" if path == "/a" else "larger than 512 KiB") in message
    assert peak < 24 * 2**20


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_bodies_over_the_cap_are_refused(internet, site, packed, declared):
    text = os.urandom(2**20 + 1)
    body = gzip.compress(text) if packed else text
    length = str(len(body)) if declared else ""
    site.pages["/a"] = http(body, content_length=length, content_encoding="gzip" if packed else "")
    assert "larger than 1,024 KiB" in refusal(internet.door(), "http://news.example/a", max_bytes=2**20)
    assert internet.door().fetch("http://news.example/a", max_bytes=2**20 + 2**10).body == text


def test_packed_bodies_over_the_cap_that_hold_nothing_are_refused(internet, site):
    site.pages["/a"] = http(gzip.compress(b"") * 60_000, content_length="", content_encoding="gzip")
    assert "larger than 1,024 KiB" in refusal(internet.door(), "http://news.example/a", max_bytes=2**20)


@pytest.mark.parametrize("length", ["9" * 20, "67108865"])
def test_a_declared_length_over_the_cap_is_refused_at_once(internet, site, length):
    site.pages["/a"] = http(PAGE, content_length=length)
    assert "larger than 65,536 KiB" in refusal(internet.door(), "http://news.example/a")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000,
        b"HTTP/1.1 200 OK\r\nlocation: a\rb\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        HEADERS + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        HEADERS + b"content-length: x\r\n\r\nhello",
        HEADERS + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        HEADERS + b"transfer-encoding: gzip\r\n\r\nhello",
    ],
    ids=lambda answer: repr(answer[:24]),
)
def test_answers_that_are_not_http_are_refused(internet, site, answer):
    site.pages["/a"] = answer or (lambda _path: iter(()))
    refusal(internet.door(), "http://news.example/a")


def test_headers_that_are_not_ascii(internet, site):
    site.pages["/b"] = redirect("/é")
    site.pages["/%C3%A9"] = http(kind="text/html").replace(b"Status", b"Status\r\nx-name: \xff", 1)
    fetched = internet.door().fetch("http://news.example/b")
    assert (fetched.url, fetched.headers["x-name"]) == ("http://news.example/%C3%A9", "ÿ")


# --- robots.txt ---------------------------------------------------------------------------------------------------


def test_robots_txt_is_obeyed_and_asked_for_once(internet, site):
    site.pages["/robots.txt"] = http(b"User-agent: *\nDisallow: /private\n", kind="text/plain")
    site.pages["/private/a"] = http()
    door = internet.door()
    for _ in range(2):
        door.fetch("http://news.example/a")
        assert "robots.txt" in refusal(door, "http://news.example/private/a")
    assert site.asked == ["/robots.txt", "/a", "/a"]


def test_robots_txt_of_the_site_that_a_redirect_leads_to(internet, site):
    other = internet.site("other.example")
    other.pages |= {"/robots.txt": http(b"User-agent: articleqa\nDisallow: /"), "/b": http()}
    site.pages["/b"] = redirect("http://other.example/b")
    message = refusal(internet.door(), "http://news.example/b")
    assert message.startswith("leads to http://other.example/b: the site's robots.txt asks")
    assert other.asked == ["/robots.txt"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_site_without_robots_txt_may_be_visited(internet, site, status):
    site.pages["/robots.txt"] = http(b"User-agent: *\nDisallow: /", status)
    assert internet.door().fetch("http://news.example/a").body == PAGE


@pytest.mark.parametrize("status", [304, 429, 500, 502, 503])
def test_a_site_whose_robots_txt_cannot_be_read_is_left_alone_for_now(internet, site, status):
    site.pages["/robots.txt"] = http(b"", status)
    door = internet.door()
    assert f"(status {status})" in refusal(door, "http://news.example/a")
    assert site.pages_asked() == []
    site.pages["/robots.txt"] = http(b"", 404)
    assert door.fetch("http://news.example/a").body == PAGE


def test_robots_txt_elsewhere_counts(internet, site):
    other = internet.site("other.example")
    other.pages["/robots"] = http(b"User-agent: *\nDisallow: /a")
    site.pages["/robots.txt"] = redirect("http://other.example/robots")
    assert "robots.txt" in refusal(internet.door(), "http://news.example/a")


@pytest.mark.parametrize(
    ("robots", "allowed", "refused"),
    [
        ("", "/ /a", ""),
        ("User-agent: *\nDisallow:", "/ /a", ""),
        ("User-agent: *\nDisallow: /", "", "/ /a"),
        ("User-agent: *\nDisallow: /\nAllow: /news", "/news /news/a", "/ /new"),
        ("User-agent: *\nAllow: /\nDisallow: /news", "/ /a", "/news /newsletter"),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", ""),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf?x /a.pdfx", "/a.pdf /b/c.pdf"),
        ("User-agent: *\nDisallow: /*?print", "/a", "/a?print /a?print=1"),
        ("User-agent: *\nDisallow: /a*b*c", "/ab /acb", "/abc /axbxcx"),
        ("User-agent: *\nDisallow: /a*a$", "/a /ab", "/aa /aba"),
        ("User-agent: *\nDisallow: /a$", "/ab /a/", "/a"),
        ("User-agent: *\nDisallow: /a**b", "/a", "/ab /axb"),
        ("User-agent: *\nDisallow: *", "", "/ /a"),
        ("User-agent: *\nDisallow: /é", "/e", "/%C3%A9 /%c3%a9x"),
        ("User-agent: *\nDisallow: /%7Ea%2fb", "/~a/b", "/~a%2Fb /%7ea%2Fb"),
        ("User-agent: ArticleQA\nDisallow: /a\n\nUser-agent: *\nDisallow: /", "/ /b", "/a"),
        ("User-agent: articleqa/0.1\nDisallow: /a", "/ /b", "/a"),
        ("User-agent: articleqabot\nDisallow: /a", "/a", ""),
        ("User-agent: x\nUser-agent: articleqa\nDisallow: /a\nUser-agent: y\nDisallow: /b", "/b", "/a"),
        ("User-agent: *\nDisallow: /\nUser-agent: articleqa\nDisallow:", "/ /a", ""),
        ("User-agent: articleqa\nDisallow: /a\nUser-agent: x\nUser-agent: articleqa\nDisallow: /b", "/", "/a /b"),
        ("\ufeffuser-AGENT : * # all\r\ndisallow : /a # not this\r\nSitemap: /x", "/b", "/a"),
        ("Disallow: /a\nUser-agent: *\nDisallow: /b", "/a", "/b"),
        ("<html><body>not found</body></html>", "/ /a", ""),
    ],
)  # fmt: skip
def test_rules(robots, allowed, refused):
    rules = parse_robots(robots, "articleqa")
    assert [path for path in allowed.split() if not rules.allows(path)] == []
    assert [path for path in refused.split() if rules.allows(path)] == []


@given(st.text())
def test_any_robots_txt_is_read(text):
    assert isinstance(parse_robots(text, "articleqa"), Robots)
    parse_robots(f"User-agent: *\nDisallow: {text}", "articleqa").allows("/a?b")


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: *\nDisallow: /" + "*a" * 200_000 + "*b$",
        "User-agent: *\n" * 20_000 + "Disallow: /b\n" * 20_000,
        "".join(f"User-agent: {'x' * (n % 90)}\n" for n in range(8000)) + "Disallow: /b\n" * 20_000,
    ],
    ids=["stars", "names", "other names"],
)
def test_large_robots_txt(text):
    # those of quadratic time would take minutes
    assert parse_robots(text, "articleqa").allows("/" + "a" * 8000)


def test_the_ports_of_the_web():
    assert {80, 443, 8080, 8443} == WEB_PORTS
