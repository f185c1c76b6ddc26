"""XML from strangers: no entities are replaced, nothing is fetched, and the tree's size is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpus.raw import Raw

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


def parse_xml(data: bytes, raw: Raw, *, forgiving: bool = False) -> Element:
    """The root element of XML that is a part of `raw`, without comments.

    `forgiving` mends what is not well-formed as far as it can be. Raises `ArticleFileError` when there is no XML.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=forgiving,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise raw.refused(f"broken or no XML ({reason}); fetch or save it again") from error
    if root is None:
        raise raw.refused("broken or no XML; fetch or save it again")
    return root


def local(element: Element) -> str:
    """The name of an element without its namespace, in lower case; empty for what is no element."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""
