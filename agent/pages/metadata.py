"""What a page says about itself: JSON-LD, Open Graph and its kin, `<link>`, and the marks in the text. Pure.

JSON-LD is the outlet's own statement about this article, so it comes first; then meta elements; then what is marked up
in the body.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from agent.pages import jsonld
from agent.pages.lines import line_key
from agent.pages.records import Hints
from agent.parse.dates import parse_date
from agent.parse.plain import clean, title_to_text
from agent.parse.urls import absolute_url, canonical_url

MAX_TITLE_CHARS = 1_000
MAX_NAME_CHARS = 100
MAX_NAMES = 10
_PUBLISHED = (
    "article:published_time", "og:article:published_time", "og:published_time", "published_time", "datepublished",
    "article.published", "publish-date", "publish_date", "publishdate", "pubdate", "parsely-pub-date", "sailthru.date",
    "dc.date.issued", "dcterms.created", "dcterms.issued", "dc.date", "dcterms.date", "cxenseparse:recs:publishtime",
    "article_date_original", "date", "og:release_date", "originalpublicationdate", "article:published", "ptime",
    "date_published", "published", "created",
)  # fmt: skip
_MODIFIED = (
    "article:modified_time", "og:updated_time", "datemodified", "last-modified", "lastmod", "dcterms.modified",
    "dc.date.modified", "article:modified", "revised", "modified_time", "date_modified",
)  # fmt: skip
_AUTHOR = (
    "author",
    "article:author",
    "parsely-author",
    "dc.creator",
    "dcterms.creator",
    "sailthru.author",
    "byl",
    "article:author_name",
    "twitter:creator:name",
)
_BYLINE = re.compile(
    r"(?:^|[-_\s])(?:byline|author|writer|reporter|yazar|muhabir|nevisande)(?:[-_\s]?name)?(?:$|[-_\s])", re.IGNORECASE
)
_BY = re.compile(
    r"^(?:by|von|par|por|di|von:|кто:|автор|авторы|yazan|haber|muhabir|editör|كتب|كتبت|بقلم|الكاتب|إعداد|تحرير|"
    r"نویسنده|خبرنگار|گزارشگر|מאת|כתב|تحریر|از|نووسەر|نووسینی|ئامادەکردنی)\s*[:：|/-]*\s+(?=\S)|^[^\W\d]{2,12}\s*:\s*",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"(?:^|[-_\s])(?:[a-z]{0,8}date|dates|time|datetime|tarih|zaman|tarix|publish\w*|posted\w*|pubdate|dateline)(?:$|[-_\s])",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^[^\d:]{2,30}:\s*")
_SEPARATOR = re.compile(r"\s+[|\-–—:·•»«/]+\s+|\s*[|»]\s*|\s+::\s+")
_LANGUAGE = re.compile(r"^([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?(?:$|[-_.])")


class Meta:
    """The meta elements of a page by lower-case name, first come first."""

    def __init__(self, tree: Any) -> None:
        self.values: dict[str, list[str]] = {}
        for element in tree.iter("meta"):
            content = element.get("content")
            if not content or not content.strip():
                continue
            for attribute in ("property", "name", "itemprop", "http-equiv"):
                if name := element.get(attribute):
                    self.values.setdefault(name.strip().lower(), []).append(content.strip())

    def first(self, *names: str) -> str:
        """Return the value of the first of `names` that is there."""
        return next((self.values[name][0] for name in names if name in self.values), "")

    def all(self, *names: str) -> list[str]:
        return [value for name in names for value in self.values.get(name, ())]


class Metadata:
    """Reads one page. `tree` is its lxml root, `url` where it came from."""

    def __init__(self, tree: Any, url: str | None, hints: Hints) -> None:
        self.tree = tree
        self.hints = hints
        self.meta = Meta(tree)
        self.base = self._base(url)
        self.url = url
        self.nodes = jsonld.nodes_of([_text(script) for script in tree.iter("script") if _is_jsonld(script)])
        self.articles = jsonld.articles(self.nodes)
        self.article: jsonld.Node = self.articles[0] if self.articles else {}
        publisher = self.article.get("publisher")
        self.site_name = _name(self.meta.first("og:site_name", "application-name")) or (
            _name(jsonld.string(publisher)) if publisher else ""
        )

    def _base(self, url: str | None) -> str | None:
        base = next((element.get("href") for element in self.tree.iter("base") if element.get("href")), None)
        return absolute_url(base, url) or url if base else url

    def selected(self, xpaths: tuple[str, ...]) -> list[str]:
        """Return the texts, or datetime/content attributes, of what the rules' selectors find."""
        found = []
        for xpath in xpaths:
            for element in self.tree.xpath(xpath)[:MAX_NAMES]:
                value = element.get("datetime") or element.get("content") or _text(element)
                if value.strip():
                    found.append(" ".join(value.split()))
            if found:
                break
        return found

    # --- what is it called? ---

    def title(self) -> str:
        """Return the headline, without the name of the outlet."""
        if ruled := self.selected(self.hints.title):
            return title_to_text(ruled[0])[:MAX_TITLE_CHARS]
        headings = [heading for h in list(self.tree.iter("h1"))[:10] if (heading := title_to_text(_text(h)))]
        headline = title_to_text(jsonld.string(self.article.get("headline")) or jsonld.string(self.article.get("name")))
        document = title_to_text(next((_text(t) for t in self.tree.iter("title") if _text(t).strip()), ""))
        given = [t for t in (headline, title_to_text(self.meta.first("og:title", "twitter:title")), document) if t]
        # What the reader sees as the headline, if the page's head agrees that it is one; a logo is also one.
        agreed = [heading for heading in headings if any(_is_said(heading, title) for title in given)]
        if agreed:
            return max(agreed, key=len)[:MAX_TITLE_CHARS]
        if headline:
            return headline[:MAX_TITLE_CHARS]
        if given:
            return self._without_site(given[0])[:MAX_TITLE_CHARS]
        return headings[0][:MAX_TITLE_CHARS] if headings else ""

    def _without_site(self, title: str) -> str:
        site = line_key(self.site_name)
        host = (urlsplit(self.base or "").hostname or "").removeprefix("www.")
        parts = list(_SEPARATOR.finditer(title))
        if not parts:
            return title
        tail, head = title[parts[-1].end() :], title[: parts[0].start()]
        for part, rest in ((tail, title[: parts[-1].start()]), (head, title[parts[0].end() :])):
            key = line_key(part)
            if key and (
                key == site or (site and key in site) or key.replace(" ", "") in host.replace(".", " ").split()
            ):
                return self._without_site(rest.strip()) if rest.strip() else title
        return title

    # --- who, where ---

    def authors(self) -> tuple[str, ...]:
        """Return the names of the authors, as the page gives them."""
        found = self.selected(self.hints.author) or jsonld.names(self.article.get("author"))
        if not found:
            found = [name for value in self.meta.all(*_AUTHOR) for name in re.split(r"\s*[;|]\s*", value)]
        found = [name for name in found if _name(name)]
        if not found:
            marked = self.tree.xpath("//*[@itemprop='author' or @rel='author']")
            found = [_text(element) for element in marked[:MAX_NAMES]]
        if not any(_name(name) for name in found):
            marked = self.tree.xpath("//*[self::span or self::a or self::p or self::div or self::address][@class]")
            found = [_text(e) for e in marked if _BYLINE.search(e.get("class")) and len(_text(e)) <= MAX_NAME_CHARS][:2]
        names = (_name(_BY.sub("", " ".join(name.split()), count=1)) for name in found)
        return tuple(dict.fromkeys(name for name in names if name))[:MAX_NAMES]

    def section(self) -> str | None:
        """Return the section of the outlet that the article stands in."""
        text = jsonld.string(self.article.get("articleSection")) or self.meta.first(
            "article:section", "section", "parsely-section", "cxenseparse:category"
        )
        if not text:
            for node in self.nodes:
                if "breadcrumblist" in jsonld.types_of(node):
                    items = [i for i in node.get("itemListElement") or () if isinstance(i, dict)]
                    names = [jsonld.string(i.get("name")) or jsonld.string(i.get("item")) for i in items]
                    names = [n for n in names if n and not n.startswith("http")]
                    # The first is the front page, the last the article itself.
                    if len(names) >= 3:
                        text = names[1]
                    break
        return _name(text) or None

    def tags(self) -> tuple[str, ...]:
        """Return the outlet's own labels."""
        found = self.meta.all("article:tag")
        keywords = self.article.get("keywords")
        for value in jsonld.names(keywords) or self.meta.all("news_keywords", "keywords"):
            found.extend(re.split(r"\s*[,،;؛]\s*", value))
        tags = (_name(tag) for tag in found if not tag.startswith(("http:", "https:")))
        return tuple(dict.fromkeys(tag for tag in tags if tag))[:30]

    def image_url(self) -> str | None:
        return absolute_url(
            jsonld.link(self.article.get("image"))
            or self.meta.first("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"),
            self.base,
        )

    def canonical(self) -> str | None:
        """Return the page's own statement of its address, if it can be one of an article."""
        links = [e.get("href") for e in self.tree.iter("link") if "canonical" in (e.get("rel") or "").lower().split()]
        main = self.article.get("mainEntityOfPage")
        for link in (*links[:1], self.meta.first("og:url"), jsonld.link(main), jsonld.link(self.article.get("url"))):
            found = canonical_url(absolute_url(link, self.base))
            if found and is_article_address(found, self.url):
                return found
        return None

    def language(self) -> str | None:
        """Return the declared language, BCP 47."""
        lang = (
            self.tree.get("lang")
            or self.tree.get("{http://www.w3.org/XML/1998/namespace}lang")
            or self.tree.get("xml:lang")
        )
        inline = jsonld.string(self.article.get("inLanguage"))
        for value in (lang, inline, self.meta.first("content-language", "og:locale", "language", "dc.language")):
            if value and (match := _LANGUAGE.match(value.strip())):
                primary = {"iw": "he", "fas": "fa", "per": "fa", "ara": "ar", "kur": "ku", "in": "id"}.get(
                    match[1].lower(), match[1].lower()
                )
                parts = [primary, match[2].title() if match[2] else "", match[3].upper() if match[3] else ""]
                return "-".join(part for part in parts if part)
        return None

    # --- when ---

    def published(self) -> tuple[datetime | None, str]:
        """Return the date of publication, and where it stood."""
        candidates = [("rule", value) for value in self.selected(self.hints.date)]
        candidates += [("JSON-LD", jsonld.string(node.get("datePublished"))) for node in self.articles[:3]]
        candidates += [("meta", value) for name in _PUBLISHED for value in self.meta.values.get(name, ())[:1]]
        candidates += [
            ("JSON-LD", jsonld.string(node.get("datePublished") or node.get("uploadDate"))) for node in self.nodes[:50]
        ]
        candidates += [("time", value) for value in self._times()]
        return next(((moment, place) for place, value in candidates if (moment := _moment(value))), (None, ""))

    def modified(self) -> datetime | None:
        values = [
            jsonld.string(self.article.get("dateModified")),
            *(self.meta.values[n][0] for n in _MODIFIED if n in self.meta.values),
        ]
        return next((moment for value in values if (moment := _moment(value))), None)

    def _times(self) -> list[str]:
        marked = self.tree.xpath(
            "//*[@itemprop='datePublished'] | //time[@pubdate] | //article//time | //header//time | //time"
        )
        found = []
        for element in marked[:20]:
            found += [element.get("content") or "", element.get("datetime") or "", _text(element)]
        for element in self.tree.xpath("//*[self::span or self::div or self::p or self::li or self::small][@class]"):
            text = " ".join(_text(element).split()) if _DATED.search(element.get("class")) else ""
            if 6 <= len(text) <= 100:
                # “Published: 12 July 2023 14:05 | Updated: …”
                found += [text, *(_LABEL.sub("", part.strip()) for part in re.split(r"\||\s[-–]\s", text))]
            if len(found) > 60:
                break
        return found


def _is_said(heading: str, title: str) -> bool:
    """Tell whether `title`, of the page's head, is `heading`, with the outlet's name or cut short."""
    key, other = line_key(heading) or heading, line_key(title) or title
    return key in other or (len(key) > 20 and other[:60] in key)


def is_article_address(url: str, page_url: str | None) -> bool:
    """Tell whether `url` can be the address of one article of the site of `page_url`: templates name the front page, a
    section, or the host that they were tested on."""
    parts = urlsplit(url)
    if parts.path in {"", "/"} and not parts.query:
        return False
    if page_url is None:
        return True
    page = urlsplit(page_url)
    page_path = page.path.rstrip("/")
    if not _same_site(parts.hostname or "", page.hostname or ""):
        return False
    # The address of something above this page is a section, not the article, unless it ends in a number or a headline.
    is_above = page_path.startswith(parts.path.rstrip("/") + "/") and not parts.query
    tail = page_path[len(parts.path.rstrip("/")) :].strip("/").lower()
    last = parts.path.rstrip("/").rpartition("/")[2]
    is_article = sum(c.isdigit() for c in last) >= 5 or (len(last) >= 20 and "-" in last)
    return not is_above or is_article or tail in {"amp", "print", "index.html", "full", "1", "amp.html", "embed"}


def _same_site(one: str, other: str) -> bool:
    # Not by a list of public suffixes: the last two labels, or three where they are short, are near enough to tell an
    # outlet from the host of a template.
    return _site(one) == _site(other)


def _site(host: str) -> str:
    labels = host.lower().rstrip(".").split(".")
    if host.replace(".", "").isdigit() or ":" in host:
        return host
    take = 3 if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3 else 2
    return ".".join(labels[-take:])


def _is_jsonld(script: Any) -> bool:
    return "ld+json" in (script.get("type") or "").lower()


def _text(element: Any) -> str:
    return "".join(element.itertext()) if element.text is not None or len(element) else ""


def _name(value: str) -> str:
    text = title_to_text(clean(value)).strip(" ,،|-–:")
    is_link = text.startswith(("http:", "https:", "www.", "/", "@"))
    if (
        not text
        or len(text) > MAX_NAME_CHARS
        or is_link
        or text.lower() in {"admin", "administrator", "editor", "root", "none", "null", "unknown"}
    ):
        return ""
    return text


def _moment(value: str) -> datetime | None:
    value = " ".join(value.split())
    return parse_date(value) if 0 < len(value) <= 100 else None
