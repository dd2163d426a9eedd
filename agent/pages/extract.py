"""From the bytes of an article page to `Page`: the text of the article and what the page says about it.

    bytes ─ charset ─▶ tree ─ metadata ─▶ title, dates, authors …
                         └─ rules, chrome ─▶ trafilatura ─ JSON-LD, captions ─▶ lines ─ cut ─▶ text

Pure, but neither bounded in time nor in memory, and it imports lxml and trafilatura: run it through `pool`, in a
process that can be killed.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import msgspec

from agent.pages import jsonld
from agent.pages.charset import decode_page
from agent.pages.chrome import (
    drop,
    lines_of,
    reason_of,
    region_of,
    strip_chrome,
    strip_links,
    strip_other_articles,
    unfold_layout,
)
from agent.pages.lines import line_key, shortened
from agent.pages.metadata import Metadata
from agent.pages.records import Cut, Hints, Page
from agent.pages.trim import known_lines, within_body
from agent.parse.plain import clean, html_to_text

NEAR_SHARE = 0.3
"""So much of what stands below the headline must be in the text, or the text is another one."""
SHORT_TEXT_CHARS = 250
"""A text so short is looked for in other places too."""
MAX_CUTS = 150
MAX_DESCRIPTION_CHARS = 1_000
_HTML_START = re.compile(
    r"<\s*(?:!doctype|html|head|body|meta|title|div|article|section|p|script|link|main|h1)\b", re.IGNORECASE
)
MAX_ATTRIBUTES = 2_000
_LONG_TAG = re.compile(r"<[A-Za-z][^<>]{8000,}")
_SPACES = re.compile(r"\s+")
_JOINERS = ("\u200c", "\u200d")
_STAND_INS = ("\ua78f", "\ua727", "\ua76d", "\u2c7a", "\ua7f7")
"""Letters of no newspaper: transcription marks that have neither case nor decomposition."""
_LEAD = re.compile(
    r"(?:^|[\s_-])(?:lead|lede|lid|standfirst|intro|introtext|summary|spot|sapo|deck|dek|chapo|chapeau|subheadline|sub-?headline|"
    r"sub-?title|short-?description|article-description|ozet|announce|anons|abstract|rutitr|description)(?:$|[\s_-])",
    re.IGNORECASE,
)


class PageError(Exception):
    """The bytes are no page that can be read; `outcome` is one of `streams.metrics.PAGE_OUTCOMES`."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def extract_page(
    data: bytes, *, url: str | None = None, content_type: str = "", hints: Hints | None = None, explain: bool = False
) -> Page:
    """Extract one page.

    Args:
        explain: also list what was cut and why.

    Raises:
        PageError: it is empty, or no HTML.
    """
    hints = hints or Hints()
    tree = _tree(data, content_type)
    metadata = Metadata(tree, url, hints)
    title = metadata.title()
    # Before the text is looked for, which takes the page apart.
    published, date_from = metadata.published()
    authors = metadata.authors()
    whole = copy.deepcopy(tree) if explain else None
    reasons: dict[str, str] = {}
    headings = frozenset(" ".join("".join(h.itertext()).split()) for h in tree.iter("h2", "h3", "h4", "h5", "h6"))
    text, text_from = _text(tree, metadata, hints, reasons, title)
    site = (metadata.site_name,) if metadata.site_name else ()
    known = msgspec.structs.replace(hints, lines=(*hints.lines, *site))
    text, cuts = known_lines(text, title, known, headings)
    page = Page(
        url=url,
        title=title,
        text=text,
        text_from=text_from if text else "",
        kind=_kind(metadata, text, tree, is_dated=published is not None),
        description=_description(metadata),
        authors=authors,
        section=metadata.section(),
        tags=metadata.tags(),
        image_url=metadata.image_url(),
        canonical_url=metadata.canonical(),
        site_name=metadata.site_name or None,
        language=metadata.language(),
        published_at=published,
        modified_at=metadata.modified(),
        date_from=date_from,
        is_paywalled=any(not jsonld.is_free(node) for node in metadata.articles[:1]),
        cuts=tuple(cuts) if whole is None else tuple(_explained(whole, text, title, cuts, reasons)),
    )
    return page


def _tree(data: bytes, content_type: str) -> Any:
    from lxml import etree, html

    if not data.strip(b" \t\r\n\0"):
        raise PageError("empty", "the page has no content")
    text = decode_page(data, content_type)
    if not _HTML_START.search(text[:20_000]):
        raise PageError("not_html", "is no HTML page")
    if any(tag[0].count("=") > MAX_ATTRIBUTES for tag in _LONG_TAG.finditer(text)):
        # The parser is quadratic in them; a killed process costs seconds.
        raise PageError("unreadable", f"an element has more than {MAX_ATTRIBUTES} attributes: not read")
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        tree = html.document_fromstring(clean(text).encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise PageError("not_html", f"cannot be read as HTML ({str(error)[:100]})") from error
    return tree


# --- the text -------------------------------------------------------------------------------------------------------


def _text(tree: Any, metadata: Metadata, hints: Hints, reasons: dict[str, str], title: str) -> tuple[str, str]:
    for xpath in hints.strip:
        for element in tree.xpath(xpath):
            _note(element, "rule: strip", reasons)
            drop(element)
    for xpath in hints.text:
        if elements := tree.xpath(xpath):
            for element in elements:
                strip_chrome(element)
            text = "\n".join(line for element in elements for line, _ in lines_of(element))
            if text:
                return text, "rule"
    for element, reason in strip_chrome(tree):
        _note(element, reason, reasons)
    unfold_layout(tree)
    heading = _heading(tree, title)
    if heading is not None:
        for element in strip_other_articles(tree, heading):
            _note(element, "another article", reasons)
    region = _region_lines(heading, title) if heading is not None else []
    for element in strip_links(tree):
        _note(element, "a line that is only a link", reasons)
    headings = list(tree.iter("h1"))
    if len(headings) == 1:  # several are headings within the text
        drop(headings[0])
    text, text_from = _with_lead(_main_text(tree), tree), "main text"
    if region and _share(region, text) < NEAR_SHARE:
        # The longest block of the page is another one than the one below the headline: a list of other articles.
        text, text_from = "\n".join(region), "below the headline"
    if updates := _live_blog(metadata):
        joined = "\n".join(updates)
        if len(joined) > 1.1 * len(text):
            return joined, "live blog"
    body = _article_body(metadata)
    if len(body) > 1.25 * len(text):
        return body, "JSON-LD"
    text = within_body(text, body, reasons)
    if len(text) < SHORT_TEXT_CHARS:
        captions = [line for line in _captions(tree, metadata) if line not in text]
        if captions:
            text, text_from = "\n".join(filter(None, (text, *captions))), "captions" if not text else text_from
    return text, text_from


def _heading(tree: Any, title: str) -> Any:
    """Return the element that shows the title, or None."""
    key = line_key(title)
    headings = (h for h in tree.iter("h1", "h2") if key and line_key(" ".join("".join(h.itertext()).split())) == key)
    return next(headings, None)


def _region_lines(heading: Any, title: str) -> list[str]:
    """Return the lines of text that stand nearest to the headline."""
    region = region_of(heading)
    if region is None:
        return []
    key = line_key(title)
    lines = [(line, element) for line, element in lines_of(region) if line_key(line) != key]
    return [line for line, element in lines if len(line) >= 40 and not any(True for _ in element.iter("a"))]


def _share(lines: list[str], text: str) -> float:
    """Return how much of `lines` is in `text`."""
    packed = _SPACES.sub("", text)
    total = sum(map(len, lines))
    return sum(len(line) for line in lines if _SPACES.sub("", line) in packed) / total if total else 1.0


def _main_text(tree: Any) -> str:
    from trafilatura import bare_extraction

    tree = copy.deepcopy(tree)
    stood_in = _replace_joiners(tree)
    found = bare_extraction(
        tree, include_comments=False, include_tables=True, include_formatting=False, with_metadata=False
    )
    text = (getattr(found, "text", None) or "") if found is not None else ""
    for joiner, letter in stood_in.items():
        text = text.replace(letter, joiner)
    return "\n".join(line for raw in text.splitlines() if (line := " ".join(clean(raw).lstrip("-• ").split())))


def _replace_joiners(tree: Any) -> dict[str, str]:
    """Put letters in place of the zero-width joiners, which trafilatura takes out: in Persian, Kurdish and Urdu they
    are spelling (می‌شود), and emoji are made with them. Returns which letter stands for which."""
    whole = "".join(tree.itertext())
    letters = (letter for letter in _STAND_INS if letter not in whole)
    stood_in = {joiner: next(letters) for joiner in _JOINERS if joiner in whole}
    for element in tree.iter() if stood_in else ():
        for joiner, letter in stood_in.items():
            if element.text and joiner in element.text:
                element.text = element.text.replace(joiner, letter)
            if element.tail and joiner in element.tail:
                element.tail = element.tail.replace(joiner, letter)
    return stood_in


def _with_lead(text: str, tree: Any) -> str:
    """Return `text` with the paragraph that opens the article in front, where it stands outside of the body."""
    packed = _SPACES.sub("", text)
    for element in tree.xpath("//*[@class or @itemprop]"):
        names = f"{element.get('class') or ''} {element.get('itemprop') or ''}"[:300]
        if not _LEAD.search(names) or element.tag in {"body", "html", "article", "main", "a", "li", "ul"}:
            continue
        lead = " ".join("".join(element.itertext()).split())
        if not 40 <= len(lead) <= 1_500:
            continue
        # A lead that is shown again in the text is no loss, and one below the text is another article's.
        head = _SPACES.sub("", lead)
        if head[:200] not in packed:
            is_lead = not _is_link_list(element) and _is_before_text(element, text)
            return "\n".join(filter(None, (lead, text))) if is_lead else text
        lines = text.splitlines()
        if lead in lines[1:] and _is_before_text(element, text):
            lines.remove(lead)  # found, and put behind what it leads in
            return "\n".join((lead, *lines))
        return text
    return text


def _is_link_list(element: Any) -> bool:
    linked = sum(len("".join(a.itertext())) for a in element.iter("a"))
    return linked > 0.5 * len("".join(element.itertext()))


def _is_before_text(element: Any, text: str) -> bool:
    opening = _SPACES.sub("", text[:60])
    if not opening:
        return True
    for following in (
        element.iter() if opening in _SPACES.sub("", "".join(element.itertext())) else element.xpath("following::*")
    ):
        if opening[:30] in _SPACES.sub("", "".join(following.itertext()))[:2_000]:
            return True
    return False


def _live_blog(metadata: Metadata) -> list[str]:
    lines = []
    for node in metadata.articles:
        updates = node.get("liveBlogUpdate")
        for update in updates if isinstance(updates, list) else [updates]:
            if isinstance(update, dict):
                headline = html_to_text(jsonld.string(update.get("headline")))
                body = html_to_text(
                    jsonld.string(update.get("articleBody")) or jsonld.string(update.get("description"))
                )
                lines += [headline] if headline and not body.startswith(headline) else []
                lines += [line for line in body.splitlines() if line]
        if lines:
            break
    return lines


def _article_body(metadata: Metadata) -> str:
    bodies = [html_to_text(jsonld.string(node.get("articleBody"))) for node in metadata.articles[:1]]
    return "\n".join(line.strip() for body in bodies for line in body.splitlines() if line.strip())


def _captions(tree: Any, metadata: Metadata) -> list[str]:
    found = [" ".join("".join(element.itertext()).split()) for element in tree.iter("figcaption")]
    found += [" ".join((element.get("alt") or "").split()) for element in tree.xpath("//figure//img")]
    for node in metadata.nodes:
        if jsonld.types_of(node) & {"imageobject"} and len(found) < 100:
            found.append(html_to_text(jsonld.string(node.get("caption"))))
    description = _description(metadata)
    return list(dict.fromkeys(line for line in [description, *found] if len(line) > 15))


def _description(metadata: Metadata) -> str:
    found = jsonld.string(metadata.article.get("description")) or metadata.meta.first(
        "og:description", "description", "twitter:description"
    )
    return " ".join(html_to_text(found).split())[:MAX_DESCRIPTION_CHARS]


def _kind(metadata: Metadata, text: str, tree: Any, *, is_dated: bool) -> str:
    types = {kind for node in metadata.nodes for kind in jsonld.types_of(node)}
    own = {kind for node in metadata.articles[:1] for kind in jsonld.types_of(node)}
    declared = metadata.meta.first("og:type").lower()
    if "liveblogposting" in own or any("liveBlogUpdate" in node for node in metadata.articles[:1]):
        return "live_blog"
    if types & jsonld.GALLERY_TYPES or (len(text) < 1_000 and len(list(tree.iter("figure"))) >= 4):
        return "gallery"
    if (types & jsonld.VIDEO_TYPES and not own) or declared.startswith("video"):
        return "video"
    if own or declared == "article" or (len(text) >= SHORT_TEXT_CHARS and is_dated):
        return "article"
    return "other"


# --- what was cut ---------------------------------------------------------------------------------------------------


def _note(element: Any, reason: str, reasons: dict[str, str]) -> None:
    for line, _ in lines_of(element):
        reasons.setdefault(line, reason)


def _explained(whole: Any, text: str, title: str, cuts: list[Cut], reasons: dict[str, str]) -> list[Cut]:
    kept = set(text.splitlines())
    packed = _SPACES.sub("", text)
    told = {cut.text for cut in cuts}
    found = list(cuts)
    body = whole.find(".//body")
    for line, element in lines_of(body if body is not None else whole):
        if line in kept or line == title or line_key(line) == line_key(title) or _SPACES.sub("", line) in packed:
            continue
        shown = shortened(line)
        if shown in told:
            continue
        told.add(shown)
        reason = reasons.get(line) or next(
            filter(None, (reason_of(e) for e in (element, *element.iterancestors()))), None
        )
        found.append(Cut(text=shown, reason=reason or "outside the main text"))
        if len(found) >= MAX_CUTS:
            break
    return found
