"""XML into a tree with lxml, hardened: no entity is expanded, nothing is fetched, no tree grows without bounds."""

from __future__ import annotations

from typing import Any, TypeAlias

Element: TypeAlias = Any
"""An `lxml.etree._Element`, a type without a public name and without stubs."""


def parse_xml(data: bytes, *, recover: bool = False) -> Element:
    """Return the root element of `data`, in UTF-8, or None where it is not well-formed (with `recover`: beyond repair).

    Comments and processing instructions are left out. libxml2 itself bounds depth (256) and the size of one text
    (10 MB). The caller sees to it that there is no document type: without one there is no entity.
    """
    from lxml import etree

    parser = etree.XMLParser(
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
