"""Sitemaps (https://www.sitemaps.org/protocol.html) with Google's news and image extensions, and sitemap indexes.

A news sitemap is a feed like any other: pages with titles and times. A plain one names pages only, and an index only
other sitemaps; both are for looking back and for finding feeds, and no feed to poll.

Pure; the text is hostile: no entity is expanded and nothing is fetched.
"""

from __future__ import annotations

import re

from agent.parse.dates import parse_date
from agent.parse.document import NotAFeed, Unparsable
from agent.parse.plain import title_to_text
from agent.parse.records import ParsedEntry, ParsedFeed, SitemapLink
from agent.parse.urls import absolute_url, canonical_url
from agent.parse.values import MAX_TITLE_CHARS, labels, normal_language
from agent.parse.xml_tree import Element, parse_xml

SITEMAP_ROOTS = frozenset({"urlset", "sitemapindex"})
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_LEAVES = frozenset(
    "loc lastmod publication_date title name language keywords genres thumbnail_loc player_loc content_loc".split()
)


def parse_sitemap(text: str, *, url: str | None, max_entries: int, any_sitemap: bool) -> ParsedFeed:
    """Parse the text of a sitemap or of a sitemap index.

    Args:
        any_sitemap: also one without titles, and an index, whose sitemaps are in `ParsedFeed.sitemaps`.

    Raises:
        NotAFeed: it holds no article and `any_sitemap` is not set; the message says what to do.
        Unparsable: nothing can be read in it.
    """
    root, was_repaired = _tree(text)
    if _name(root) == "sitemapindex":
        return _index(root, url, max_entries, any_sitemap=any_sitemap, was_repaired=was_repaired)
    found: list[ParsedEntry] = []
    left_out = 0
    for element in root.iter("{*}url"):
        if len(found) >= max_entries:
            left_out += 1
        elif (entry := _entry(element, url)) is not None:
            found.append(entry)
    if not found and was_repaired:
        raise Unparsable("is a sitemap that is broken beyond repair")
    is_news = any(entry.title for entry in found)
    if not is_news and not any_sitemap:
        raise NotAFeed("is a sitemap without news titles, not a feed: look for one with `rasad feeds discover`")
    return ParsedFeed(
        format="news-sitemap" if is_news else "sitemap",
        entries=tuple(found),
        left_out=left_out,
        was_repaired=was_repaired,
    )


def _tree(text: str) -> tuple[Element, bool]:
    # Without its document type there is nothing left that an entity could come from.
    data = _DOCTYPE.sub("", text, count=1).encode("utf-8", "replace")
    if (root := parse_xml(data)) is not None:
        return root, False
    if (root := parse_xml(data, recover=True)) is not None:
        return root, True
    raise Unparsable("is a sitemap that is broken beyond repair")


def _index(root: Element, url: str | None, max_entries: int, *, any_sitemap: bool, was_repaired: bool) -> ParsedFeed:
    found: dict[str, SitemapLink] = {}
    for element in root.iter("{*}sitemap"):
        values = _values(element)
        if link := absolute_url(values.get("loc") or (element.text or "").strip(), url):
            found.setdefault(link, SitemapLink(url=link, modified_at=parse_date(values.get("lastmod", ""))))
    if not any_sitemap:
        example = f", {next(iter(found))[:200]}" if found else ""
        raise NotAFeed(f"is an index of {len(found)} sitemaps, not a feed: use one of them{example}")
    return ParsedFeed(
        format="sitemap-index",
        sitemaps=tuple(found.values())[:max_entries],
        left_out=max(0, len(found) - max_entries),
        was_repaired=was_repaired,
    )


def _entry(element: Element, base: str | None) -> ParsedEntry | None:
    values = _values(element)
    url = absolute_url(values.get("loc"), base)
    if url is None:
        return None
    title = title_to_text(values.get("title", ""))[:MAX_TITLE_CHARS]
    published_text, modified_text = values.get("publication_date", ""), values.get("lastmod", "")
    published, modified = parse_date(published_text), parse_date(modified_text)
    is_bad = published is None and (bool(published_text) or (bool(modified_text) and modified is None))
    return ParsedEntry(
        url=url,
        canonical_url=canonical_url(url),
        title=title,
        tags=labels(values.get("keywords", "").split(",")),
        image_url=absolute_url(values.get("image") or values.get("thumbnail_loc"), base),
        published_at=published,
        modified_at=modified,
        language=normal_language(values.get("language")),
        faults=("bad_date",) if is_bad else (),
    )


def _values(element: Element) -> dict[str, str]:
    """Return the texts below a `<url>`, the first of each name; an image's own address and title under names of
    their own."""
    found: dict[str, str] = {}
    for child in element.iter():
        if not isinstance(child.tag, str):
            continue
        name = _name(child)
        parent = child.getparent()
        inside = _name(parent) if parent is not None else ""
        if inside == "image":
            name = "image" if name == "loc" else ""
        elif inside == "video" and name == "title":
            name = "video_title"
        elif name not in _LEAVES:
            continue
        text = (child.text or "").strip()
        if name and text:
            found.setdefault(name, text)
    if "video_title" in found:
        found.setdefault("title", found["video_title"])
    return found


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()
