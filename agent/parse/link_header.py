"""The `Link` header (RFC 8288). Pure."""

from __future__ import annotations

import re

from agent.parse.urls import absolute_url

_HEADER_LINK = re.compile(r"""<([^<>]{1,4000})>((?:\s*;\s*[\w*-]+\s*(?:=\s*(?:"[^"]{0,1000}"|[^",;\s]{0,1000}))?)*)""")
_REL = re.compile(r"""rel\s*=\s*(?:"([^"]*)"|([^",;\s]+))""", re.IGNORECASE)


def link_header_targets(header: str, base: str | None) -> dict[str, list[str]]:
    """Return the targets of a `Link` header by relation (RFC 8288), absolute."""
    found: dict[str, list[str]] = {}
    for match in _HEADER_LINK.finditer(header[:20_000]):
        target = absolute_url(match[1].strip(), base)
        relation = _REL.search(match[2])
        if target and relation:
            for name in (relation[1] or relation[2] or "").lower().split():
                found.setdefault(name, []).append(target)
    return found
