"""What `rasad extract` shows of a page, for a reader and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

from agent.pages.lines import shortened
from agent.pages.records import Cut, Page
from streams.text.language import default_identifier


class ExtractedPage(Struct, frozen=True, kw_only=True):
    """A page as the agent takes it; names are those of `streams.model.RawArticle` where it has them."""

    url: str | None
    canonical_url: str | None
    title: str
    text: str
    language: str
    """What the text is in."""
    declared_language: str | None
    authors: tuple[str, ...]
    published_at: datetime | None
    modified_at: datetime | None
    date_from: str
    section: str | None
    tags: tuple[str, ...]
    image_url: str | None
    site_name: str | None
    description: str
    kind: str
    is_paywalled: bool
    text_from: str
    cut: tuple[Cut, ...]


def extracted(page: Page, recurring: tuple[str, ...] = (), text: str | None = None) -> ExtractedPage:
    """Return what is shown of `page`; `recurring` are the lines that its source's articles have in common, and `text`
    is what is left without them."""
    text = page.text if text is None else text
    cuts = [Cut(text=shortened(line), reason="recurs over this source's articles") for line in recurring]
    language = default_identifier().identify(text, title=page.title, declared=page.language)
    return ExtractedPage(
        url=page.url,
        canonical_url=page.canonical_url,
        title=page.title,
        text=text,
        language=language.code,
        declared_language=page.language,
        authors=page.authors,
        published_at=page.published_at,
        modified_at=page.modified_at,
        date_from=page.date_from,
        section=page.section,
        tags=page.tags,
        image_url=page.image_url,
        site_name=page.site_name,
        description=page.description,
        kind=page.kind,
        is_paywalled=page.is_paywalled,
        text_from=page.text_from,
        cut=(*cuts, *page.cuts),
    )


def as_json(page: ExtractedPage) -> bytes:
    """Return the page as one line of JSON."""
    return msgspec.json.encode(page)


def as_lines(page: ExtractedPage) -> Iterator[str]:
    """Yield the page for a reader, safe for a terminal whatever it holds."""
    from agent.render import printable

    declared = f" (declared: {page.declared_language})" if page.declared_language else ""
    date = page.published_at.isoformat(" ", "minutes") if page.published_at else ""
    facts = (
        ("title", page.title),
        ("address", page.url or ""),
        ("canonical", page.canonical_url or ""),
        ("published", f"{date} ({page.date_from})" if date else ""),
        ("modified", page.modified_at.isoformat(" ", "minutes") if page.modified_at else ""),
        ("authors", ", ".join(page.authors)),
        ("section", page.section or ""),
        ("tags", ", ".join(page.tags)),
        ("outlet", page.site_name or ""),
        ("language", f"{page.language}{declared}"),
        ("image", page.image_url or ""),
        ("kind", page.kind + (", behind a paywall" if page.is_paywalled else "")),
        ("text", f"{len(page.text)} characters, from {page.text_from}" if page.text else "none found"),
    )
    for name, value in facts:
        if value:
            yield f"{name + ':':<11}{printable(value)}"
    if page.text:
        yield ""
        for line in page.text.splitlines():
            yield printable(line)
    if page.cut:
        yield ""
        yield "not taken:"
        for cut in page.cut:
            yield f"  {printable(cut.text)}   [{printable(cut.reason)}]"
