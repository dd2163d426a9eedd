"""Names, attributes, texts and addresses as feedparser makes them, for `fast` and `fast_entry`."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from agent.parse.fast_names import NAMESPACES
from agent.parse.xml_tree import Element

_SLASHES = re.compile(r"^([A-Za-z][A-Za-z0-9+-.]*://)(/*)(.*?)")
_QUERY_ENTITY = re.compile(r"&([A-Za-z0-9_]+);")
_WINDOWS_1252 = {
    code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}
_CONTROLS = re.compile("[\x80-\x9f]")
_TYPES = {"text": "text/plain", "plain": "text/plain", "html": "text/html", "xhtml": "application/xhtml+xml"}
_EMAIL = re.compile(
    r"(([a-zA-Z0-9\_\-\.\+]+)@((\[[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.)|(([a-zA-Z0-9\-]+\.)+))"
    r"([a-zA-Z]{2,4}|[0-9]{1,3})(\]?))(\?subject=\S+)?"
)
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})


class NotSure(Exception):
    """Something whose treatment in feedparser is not known here."""


def repaired(text: str) -> str:
    """Return `text`, put right where it is UTF-8 that was read as Latin-1, or holds characters of Windows-1252."""
    if text.isascii():
        return text
    text = repaired_tame(text)
    return text if _CONTROLS.search(text) is None else text.translate(_WINDOWS_1252)


def repaired_tame(text: str) -> str:
    """Do the same to a text that is known to hold no control characters."""
    if text.isascii() or text[0] > "\xff":
        return text
    try:
        return text.encode("iso-8859-1").decode("utf-8")
    except UnicodeError:
        return text


def content_type(text: str) -> str:
    """Return the media type that a `type` attribute means."""
    text = text.lower()
    return _TYPES.get(text, text)


def link_text(text: str) -> str:
    """Return an address in which `&b;` is the `&b` that it was before somebody took it for an entity."""
    return _QUERY_ENTITY.sub(r"&\g<1>", text) if "&" in text else text


class Resolver:
    """Makes addresses absolute where the document names a base (`xml:base` on its root)."""

    def __init__(self, base: str) -> None:
        if base and not base.startswith(("http://", "https://")):
            raise NotSure
        self._base = self(base) if base else ""

    _base = ""

    def __call__(self, address: str) -> str:
        if not address:
            return address
        if ":///" in address:
            address = _SLASHES.sub(r"\1\3", address)
        if not self._base:
            return address
        try:
            return urljoin(self._base, address)
        except ValueError:
            return ""


class Names:
    """The keys of a document's elements and their attributes."""

    def __init__(self, bindings: set[tuple[str, str]]) -> None:
        """Args:
        bindings: every namespace that the document declares, with its prefix, empty for the default one.
        """
        self._bindings = bindings
        self._keys: dict[str, str] = {}
        self._attribute_names: dict[str, str] = {}
        self._has_prefixes = self._has_bases = False

    def key(self, element: Element) -> str:
        """Return feedparser's name of an element."""
        return self.key_of_tag(element.tag)

    def key_of_tag(self, tag: str) -> str:
        """Return feedparser's name of an element that lxml calls `tag`."""
        try:
            return self._keys[tag]
        except KeyError:
            return self._new_key(tag)

    def _new_key(self, tag: str) -> str:
        namespace, _, local = tag.rpartition("}")
        namespace, local = namespace[1:], local.lower()
        known = NAMESPACES.get(namespace.lower())
        if known is None and "backend.userland.com/rss" in namespace.lower():
            known = ""
        if known is None:
            prefixes = {prefix.lower() for uri, prefix in self._bindings if uri == namespace}
            if len(prefixes) != 1:
                raise NotSure
            known = prefixes.pop()
        if ":" in local or not local.isascii():
            raise NotSure
        key = self._keys[tag] = f"{known}_{local}" if known else local
        return key

    @staticmethod
    def language(attributes: dict[str, str], inherited: str | None) -> str | None:
        """Return the language that holds where an element has these attributes."""
        language = attributes.get("xml:lang", attributes.get("lang"))
        return inherited if language is None else language.replace("_", "-") or None

    def attributes(self, element: Element, *, may_have_base: bool = False) -> dict[str, str]:
        """Return an element's attributes under feedparser's names; those without a prefix win.

        Raises:
            NotSure: it changes what addresses are relative to.
        """
        items = element.items()
        if not items:
            return {}
        names = self._attribute_names
        try:
            found = {names[name]: value for name, value in items}
        except KeyError:
            found = {names.get(name) or self._new_attribute(name): value for name, value in items}
        if self._has_prefixes and len(items) > 1:
            found.update([(names[name], value) for name, value in items if name[0] != "{"])
        if "rel" in found:
            found["rel"] = found["rel"].lower()
        if "type" in found:
            found["type"] = found["type"].lower()
        if self._has_bases and not may_have_base and ("base" in found or "xml:base" in found):
            raise NotSure
        return found

    def _new_attribute(self, name: str) -> str:
        namespace, _, local = name.rpartition("}")
        prefix = NAMESPACES.get(namespace[1:].lower(), "")
        known = self._attribute_names[name] = f"{prefix}:{local}".lower() if prefix else local.lower()
        self._has_prefixes = self._has_prefixes or name[0] == "{"
        self._has_bases = self._has_bases or known in {"base", "xml:base"}
        return known


def link_attributes(attributes: dict[str, str], resolve: Resolver) -> dict[str, str]:
    """Return what is kept of a `<link>`: with `rel`, `type`, and `href` where there is an address."""
    attributes.setdefault("rel", "alternate")
    attributes.setdefault("type", "application/atom+xml" if attributes["rel"] == "self" else "text/html")
    enforce_href(attributes)
    if "href" in attributes:
        attributes["href"] = resolve(attributes["href"])
    return attributes


def enforce_href(attributes: dict[str, str]) -> None:
    """Move the address, whatever it is called, to `href`."""
    href = attributes.get("url", attributes.get("uri", attributes.get("href")))
    if href:
        attributes.pop("url", None)
        attributes.pop("uri", None)
        attributes["href"] = href


def person(author: str) -> dict[str, str]:
    """Return the `name` and the `email` in a line that names an author."""
    detail: dict[str, str] = {}
    if "@" in author and (match := _EMAIL.search(author)):
        detail["email"] = match[0]
        for cut in (match[0], "()", "<>", "&lt;&gt;"):
            author = author.replace(cut, "")
        author = author.strip()
        if author and author[0] == "(":
            author = author[1:]
        if author and author[-1] == ")":
            author = author[:-1]
        author = author.strip()
    if author:
        detail["name"] = author
    return detail
