"""Which addresses of the network are public: the only ones that are ever connected to.

The list is explicit because `ipaddress.is_global` and `is_private` let through NAT64, 6to4, site-local and multicast
addresses, and because it changes with the version of Python. Sources: the IANA registries of special-purpose IPv4
and IPv6 addresses, and the metadata addresses of the cloud providers.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from corpus.urls import Refused

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Iterable[tuple[Any, ...]]]
"""From a host and a port to socket addresses, the last items of `socket.getaddrinfo`; OSError when there are none."""

# The first network that holds an address names it. IPv6 forms that carry an IPv4 address are refused whatever they
# carry: where a translator or tunnel stands is not ours to know, so neither is where they lead.
_DENIED = {
    "cloud metadata": "169.254.169.254/32 168.63.129.16/32 100.100.100.200/32 192.0.0.192/32 fd00:ec2::/32",
    "loopback": "127.0.0.0/8 ::1/128",
    "unspecified": "0.0.0.0/8 ::/128",
    "link-local": "169.254.0.0/16 fe80::/10",
    "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
    "shared by a provider": "100.64.0.0/10",
    "multicast": "224.0.0.0/4 ff00::/8",
    "IPv4 inside IPv6": "::/96 ::ffff:0:0/96 ::ffff:0:0:0/96",
    "NAT64": "64:ff9b::/96 64:ff9b:1::/48",
    "6to4": "2002::/16 192.88.99.0/24",
    "Teredo": "2001::/32",
    "for documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
    "for benchmarks": "198.18.0.0/15 2001:2::/48",
    "for protocols": "192.0.0.0/24 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24 2001::/23 2620:4f:8000::/48",
    "reserved": "240.0.0.0/4 ::/3 4000::/2 8000::/1",  # of IPv6, all but the global unicast addresses, 2000::/3
}
_NETWORKS: list[tuple[IPv4Network | IPv6Network, str]] = [
    (ip_network(network), kind) for kind, networks in _DENIED.items() for network in networks.split()
]


def why_not_public(address: Address) -> str | None:
    """What keeps an address from being public, in a word or two; None for a public one."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "link-local"
        if (int(address) >> 32) & 0xFDFF_FFFF == 0x5EFE:  # the lower half of an ISATAP address (RFC 5214, 6.1)
            return "ISATAP"
    return next((kind for network, kind in _NETWORKS if address in network), None)


def is_public(address: Address) -> bool:
    """Whether an address is on the open internet, by the list of those that are not."""
    return why_not_public(address) is None


def system_resolver(host: str, port: int) -> list[tuple[Any, ...]]:
    """The socket addresses of a host as the operating system finds them; odd spellings of IPv4 are left to it."""
    return [found[4] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def public_addresses(host: str, port: int, resolve: Resolver = system_resolver) -> list[Address]:
    """The addresses of a host, asked for once, each once, in the resolver's order.

    Raises `Refused` when there are none, and when a single one is not public: a host that has both kinds is a trap.
    """
    try:
        found = list(dict.fromkeys(_address(*place) for place in resolve(host, port)))
    except (OSError, ValueError) as error:  # ValueError: a name that cannot be asked for
        raise Refused("the host is not known; check the spelling and your connection") from error
    if not found:
        raise Refused("the host has no address; check the spelling")
    for address in found:
        if kind := why_not_public(address):
            raise Refused(
                f"the host's address is not public ({kind}) and so is not fetched; save the page and add the file"
            )
    return found


def _address(host: object, _port: object, _flow: object = 0, scope: object = 0) -> Address:
    address = ip_address(str(host))
    return IPv6Address(f"{host}%{scope}") if scope and "%" not in str(host) else address
