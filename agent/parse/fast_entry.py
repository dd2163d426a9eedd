"""One entry of a feed, read from lxml's tree as feedparser would read it: see `fast`.

Feedparser minds depth: a value is kept unless one was found higher up, of several at one depth the last; only the title
is the first, unless something reset that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.parse.dates import parse_date
from agent.parse.fast_names import IGNORED, NOT_SURE, PERSON_LEAVES, SOURCE_LEAVES, USED_KEYS
from agent.parse.fast_values import (
    HTML_TYPES,
    Names,
    NotSure,
    Resolver,
    content_type,
    enforce_href,
    link_attributes,
    link_text,
    person,
    repaired,
    repaired_tame,
)
from agent.parse.values import MAX_AUTHOR_CHARS
from agent.parse.xml_tree import Element

_TEXT_TYPES = frozenset({"text/plain", "text/html"})


class EntryReader:
    """Reads entries of one document, one after the other."""

    def __init__(self, names: Names, resolve: Resolver, *, is_tame: bool) -> None:
        """Args:
        is_tame: no text of the document matches `plain.WILD`.
        """
        self._names = names
        self._resolve = resolve
        self._repaired = repaired_tame if is_tame else repaired
        self._known: dict[str, Callable[[EntryReader, Element, int], None]] = {}

    def read(self, element: Element, depth: int, language: str | None) -> dict[str, Any]:
        """Return the raw values of an entry; its children stand at `depth`, and inherit `language`.

        Raises:
            NotSure: better ask feedparser.
        """
        self._depth = depth
        self._language = language
        self._raw: dict[str, Any] = {}
        self._depths: dict[str, int] = {}
        self._title_depth = -1
        self._has_content = False
        if element.attrib:
            attributes = self._names.attributes(element)
            if "href" in attributes or "lastmod" in attributes:
                raise NotSure
            self._language = self._names.language(attributes, language)
            if about := attributes.get("rdf:about"):
                self._raw["id"] = about
        self._children(element, depth)
        return self._raw

    def _children(self, element: Element, depth: int) -> None:
        known = self._known
        for child in element:
            try:
                reader = known[child.tag]
            except KeyError:
                reader = known[child.tag] = self._reader(self._names.key(child))
            reader(self, child, depth)

    @staticmethod
    def _reader(key: str) -> Callable[[EntryReader, Element, int], None]:
        if key in _READERS:
            return _READERS[key]
        if key in IGNORED:
            return EntryReader.on_ignored
        return EntryReader.on_not_sure if key in NOT_SURE or key in USED_KEYS else EntryReader.on_unknown

    def on_ignored(self, element: Element, depth: int) -> None:
        if len(element):
            raise NotSure

    def on_not_sure(self, element: Element, depth: int) -> None:
        raise NotSure

    def on_unknown(self, element: Element, depth: int) -> None:
        if len(element):
            self._names.attributes(element)
            self._children(element, depth + 1)

    # --- texts ---

    def _leaf(self, element: Element) -> str:
        if len(element):
            raise NotSure
        return (element.text or "").strip()

    def _text(self, element: Element) -> str:
        if len(element):
            raise NotSure
        text = (element.text or "").strip()
        return text if text.isascii() else self._repaired(text)

    def _store(self, key: str, value: str, depth: int) -> None:
        if depth <= self._depths.get(key, depth):
            self._depths[key] = depth
            self._raw[key] = value

    def on_title(self, element: Element, depth: int) -> None:
        if self._titled(element, depth):
            self._title_depth = depth

    def on_media_title(self, element: Element, depth: int) -> None:
        self._titled(element, depth)

    def _titled(self, element: Element, depth: int) -> str:
        value = self._text(element)
        self._plain_type(element, "text/plain")
        if not -1 < self._title_depth <= depth:
            self._store("title", value, depth)
            self._raw["title_detail"] = {"language": self._language_of(element, depth)}
        return value

    def _language_of(self, element: Element, depth: int) -> str | None:
        inherited = self._language if depth <= self._depth else self._language_of(element.getparent(), depth - 1)
        if not element.attrib:
            return inherited
        return self._names.language(self._names.attributes(element, may_have_base=True), inherited)

    def _plain_type(self, element: Element, default: str) -> str:
        items = element.items()
        if not items:
            return default
        if len(items) == 1 and items[0][0] == "type":
            attributes = {"type": items[0][1]}
        else:
            attributes = self._names.attributes(element, may_have_base=True)
        kind = content_type(attributes.get("type", default))
        if kind not in _TEXT_TYPES or attributes.get("mode") == "base64":
            raise NotSure
        return kind

    def on_description(self, element: Element, depth: int) -> None:
        if "summary" in self._raw and not self._has_content:
            self.on_content(element, depth)
        else:
            self._summarized(element, depth, "text/html")

    def on_abstract(self, element: Element, depth: int) -> None:
        self._summarized(element, depth, "text/plain")

    def on_summary(self, element: Element, depth: int) -> None:
        if "summary" in self._raw and not self._has_content:
            self.on_content(element, depth)
        else:
            self._summarized(element, depth, "text/plain")

    def _summarized(self, element: Element, depth: int, default: str) -> None:
        kind = self._plain_type(element, default)
        self._store("summary", self._text(element), depth)
        self._raw["summary_detail"] = {"type": kind}

    def on_content(self, element: Element, depth: int) -> None:
        self._contained(element, "text/plain")

    def on_encoded(self, element: Element, depth: int) -> None:
        self._contained(element, "text/html")

    def _contained(self, element: Element, default: str) -> None:
        self._has_content = True
        kind, value = self._plain_type(element, default), self._text(element)
        self._raw.setdefault("content", []).append({"type": kind, "value": value})
        self._raw.setdefault("summary", value)

    def on_language_element(self, element: Element, depth: int) -> None:
        self._store("language", self._text(element), depth)

    def on_original_link(self, element: Element, depth: int) -> None:
        if element.attrib:
            raise NotSure
        self._store("feedburner_origlink", self._text(element), depth)

    # --- dates ---

    def on_published(self, element: Element, depth: int) -> None:
        self._date("published", element, depth)

    def on_updated(self, element: Element, depth: int) -> None:
        self._date("updated", element, depth)

    def on_created(self, element: Element, depth: int) -> None:
        self._date("created", element, depth)

    def _date(self, name: str, element: Element, depth: int) -> None:
        value = self._text(element)
        if value and parse_date(value) is None:
            # Feedparser knows some shapes that `dates` does not.
            raise NotSure
        self._store(name, value, depth)

    # --- addresses ---

    def on_link(self, element: Element, depth: int) -> None:
        attributes = (
            link_attributes(self._names.attributes(element), self._resolve)
            if element.attrib
            else {"rel": "alternate", "type": "text/html"}
        )
        self._raw.setdefault("links", []).append(attributes)
        if "href" in attributes:
            if attributes["rel"] == "alternate" and content_type(attributes["type"]) in HTML_TYPES:
                self._raw["link"] = attributes["href"]
            return
        href = link_text(self._repaired(self._resolve(self._leaf(element))).replace("&amp;", "&"))
        self._raw["link"] = href
        if href:
            attributes["href"] = href

    def on_guid(self, element: Element, depth: int) -> None:
        value = self._leaf(element)
        is_link = not element.attrib or self._names.attributes(element).get("ispermalink", "true") == "true"
        if is_link:
            value = self._resolve(value)
        if not value.isascii():
            value = self._repaired(value)
        self._store("id", value, depth)
        if is_link:
            self._raw.setdefault("link", value)

    def on_enclosure(self, element: Element, depth: int) -> None:
        attributes = self._names.attributes(element)
        enforce_href(attributes)
        attributes["rel"] = "enclosure"
        self._raw.setdefault("links", []).append(attributes)
        if len(element):
            self._children(element, depth + 1)

    def on_media_content(self, element: Element, depth: int) -> None:
        self._raw.setdefault("media_content", []).append(self._names.attributes(element))
        if len(element):
            self._children(element, depth + 1)

    def on_media_group(self, element: Element, depth: int) -> None:
        self._names.attributes(element)
        self._children(element, depth + 1)

    def on_media_thumbnail(self, element: Element, depth: int) -> None:
        attributes = self._names.attributes(element)
        self._raw.setdefault("media_thumbnail", []).append(attributes)
        if (value := self._leaf(element)) and "url" not in attributes:
            url = self._repaired(self._resolve(value))
            if url.strip():
                attributes["url"] = url

    def on_podcast_image(self, element: Element, depth: int) -> None:
        self._leaf(element)
        attributes = self._names.attributes(element)
        if href := attributes.get("href") or attributes.get("url"):
            self._raw["image"] = {"href": href}

    def on_image(self, element: Element, depth: int) -> None:
        self._title_depth = -1
        for child in element:
            if len(child) or self._names.key(child) not in {"url", "width", "height"}:
                raise NotSure

    # --- people and labels ---

    def on_author(self, element: Element, depth: int) -> None:
        authors: list[dict[str, str]] = self._raw.setdefault("authors", [])
        authors.append({})
        if not len(element):
            self._store("author", self._text(element), depth)
            self._sync_author(authors[-1])
            return
        pieces = [element.text or ""]
        for child in element:
            key = self._names.key(child)
            if key in PERSON_LEAVES:
                value = self._leaf(child)
                if key in {"url", "uri", "homepage"}:
                    key, value = "href", self._repaired(self._resolve(value))
                self._sync_author(authors[-1])
                authors[-1][key.removeprefix("itunes_")] = value
            elif key in _READERS or key in NOT_SURE or key in USED_KEYS or len(child) or child.text:
                raise NotSure
            pieces.append(child.tail or "")
        self._store("author", self._repaired("".join(pieces).strip()), depth)
        self._sync_author(authors[-1])

    def _sync_author(self, detail: dict[str, str]) -> None:
        if detail:
            name, email = detail.get("name"), detail.get("email")
            if name and email:
                self._raw["author"] = f"{name} ({email})"
            elif name or email:
                self._raw["author"] = name or email
            return
        author = self._raw.get("author")
        if author and len(author) > MAX_AUTHOR_CHARS:
            raise NotSure
        if author:
            detail.update(person(author))

    def on_contributor(self, element: Element, depth: int) -> None:
        for child in element:
            if len(child) or self._names.key(child) not in PERSON_LEAVES:
                raise NotSure

    def on_category(self, element: Element, depth: int) -> None:
        items = element.items()
        if not items:
            self._labelled(element, None, None, {})
            return
        if len(items) == 1 and items[0][0] == "term":
            self._labelled(element, items[0][1], None, {})
            return
        attributes = self._names.attributes(element)
        self._labelled(element, attributes.get("term"), attributes.get("scheme", attributes.get("domain")), attributes)

    def on_media_category(self, element: Element, depth: int) -> None:
        attributes = self._names.attributes(element)
        attributes.setdefault("scheme", "http://search.yahoo.com/mrss/category_schema")
        self._labelled(element, attributes.get("term"), attributes["scheme"], attributes)

    def on_podcast_category(self, element: Element, depth: int) -> None:
        self._labelled(element, self._names.attributes(element).get("text"), "http://www.itunes.com/", {})

    def _labelled(self, element: Element, term: str | None, scheme: str | None, attributes: dict[str, str]) -> None:
        tags = self._raw.setdefault("tags", [])
        if attributes or scheme or term:
            self._tag(term, scheme, attributes.get("label"))
        value = self._text(element)
        if value:
            if tags and not tags[-1]["term"]:
                tags[-1]["term"] = value
            else:
                self._tag(value, None, None)

    def on_keywords(self, element: Element, depth: int) -> None:
        if len(element):
            raise NotSure
        if element.attrib:
            return
        scheme = "http://www.itunes.com/" if self._names.key(element) == "itunes_keywords" else None
        for term in self._text(element).split(","):
            if term.strip():
                self._tag(term.strip(), scheme, None)

    def _tag(self, term: str | None, scheme: str | None, label: str | None) -> None:
        tags = self._raw.setdefault("tags", [])
        value = {"term": term, "scheme": scheme, "label": label}
        if (term or scheme or label) and value not in tags:
            tags.append(value)

    def on_source(self, element: Element, depth: int) -> None:
        self._title_depth = -1
        for child in element:
            key = self._names.key(child)
            if key == "author":
                self.on_contributor(child, depth)
            elif len(child) or key not in SOURCE_LEAVES:
                raise NotSure
            elif key == "title" and (child.text or "").strip():
                self._title_depth = depth + 1


_READERS: dict[str, Callable[[EntryReader, Element, int], None]] = {
    **dict.fromkeys(("title", "dc_title"), EntryReader.on_title),
    "media_title": EntryReader.on_media_title,
    "link": EntryReader.on_link,
    **dict.fromkeys(("guid", "id"), EntryReader.on_guid),
    **dict.fromkeys(("pubdate", "published", "issued", "dcterms_issued"), EntryReader.on_published),
    **dict.fromkeys(("updated", "modified", "lastbuilddate", "dc_date", "dcterms_modified"), EntryReader.on_updated),
    **dict.fromkeys(("created", "dcterms_created"), EntryReader.on_created),
    **dict.fromkeys(("description", "dc_description", "media_description"), EntryReader.on_description),
    "abstract": EntryReader.on_abstract,
    **dict.fromkeys(("summary", "itunes_summary"), EntryReader.on_summary),
    "content": EntryReader.on_content,
    **dict.fromkeys(("content_encoded", "fullitem"), EntryReader.on_encoded),
    **dict.fromkeys(("author", "managingeditor", "dc_author", "dc_creator", "itunes_author"), EntryReader.on_author),
    "contributor": EntryReader.on_contributor,
    **dict.fromkeys(("category", "keywords", "dc_subject"), EntryReader.on_category),
    "media_category": EntryReader.on_media_category,
    "itunes_category": EntryReader.on_podcast_category,
    **dict.fromkeys(("media_keywords", "itunes_keywords"), EntryReader.on_keywords),
    "enclosure": EntryReader.on_enclosure,
    "media_group": EntryReader.on_media_group,
    "media_content": EntryReader.on_media_content,
    "media_thumbnail": EntryReader.on_media_thumbnail,
    "image": EntryReader.on_image,
    "itunes_image": EntryReader.on_podcast_image,
    "source": EntryReader.on_source,
    **dict.fromkeys(("language", "dc_language"), EntryReader.on_language_element),
    "feedburner_origlink": EntryReader.on_original_link,
}
READ_KEYS = frozenset(_READERS)
