"""From HTML, as feeds carry it, to plain text. One pass, no recursion, linear in the length of the input.

This is no sanitizer for showing HTML: what comes out is text, and whoever shows it escapes it.
"""

from __future__ import annotations

import html
import re

_TAG = re.compile(
    # Quoted values may hold ">"; their length is bounded so that a lone quote cannot make the search quadratic.
    r"""<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,30})(?=[\s/>])"""
    r"""(?:[^<>"']|"[^"<]{0,5000}"|'[^'<]{0,5000}')*+>"""
)
_LOOSE_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,5000}>|</?[a-zA-Z][a-zA-Z0-9:-]{0,30}(?:\s[^<>]{0,5000})?$")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_SPACES = re.compile("  +")
WILD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u2000-\u200a\u202f\u205f\u3000\ud800-\udfff\ufeff\ufffe\uffff]")
"""Controls and strange blanks: what most texts have not. Tabs aside."""
_LINE_ENDS = re.compile(r" ?\n ?")
_MANY_LINES = re.compile(r"\n{3,}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff\ufeff\u00ad]")

_SKIPPED = frozenset({"script", "style", "noscript", "template", "iframe", "object", "svg", "math", "head"})
_PARAGRAPHS = frozenset(
    "p div blockquote article section header footer aside figure figcaption h1 h2 h3 h4 h5 h6 ul ol dl table pre hr "
    "center address main nav".split()
)
_LINES = frozenset("br li tr dt dd option".split())
_CELLS = frozenset("td th".split())
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code del dfn em font i img ins kbd mark o:p q s samp small span strike strong "
    "sub sup time tt u var wbr label nobr picture source video audio amp-img".split()
)
# Where paragraphs are marked up, the line ends of the source are only blanks.
_BLOCK = re.compile(r"<(?:p|br|div|li|h[1-6]|blockquote)[\s/>]", re.IGNORECASE)
_BREAKS = re.compile(r"\s*[\r\n]+\s*")
_KNOWN = _SKIPPED | _PARAGRAPHS | _LINES | _CELLS | _INLINE
_ROUNDS = 3


def _plain_tags() -> dict[str, str]:
    """Return what stands for each tag without attributes, by what is between "<" and ">"."""
    marks = dict.fromkeys(_INLINE, "") | dict.fromkeys(_PARAGRAPHS, "\n\n") | dict.fromkeys(_CELLS, " ")
    found = {f"/{name}": mark for name, mark in marks.items()} | {f"/{name}": "" for name in _LINES}
    for name, mark in (marks | dict.fromkeys(_LINES, "\n")).items():
        found |= {name: mark, f"{name}/": mark, f"{name} /": mark}
    return found | {tag.upper(): mark for tag, mark in found.items()}


_PLAIN_TAGS = _plain_tags()
_PLAIN_TAG = re.compile("<(/?[a-zA-Z][a-zA-Z0-9:-]{0,10} ?/?)>")
_MAX_PLAIN_TAG = max(map(len, _PLAIN_TAGS))


def clean(text: str) -> str:
    """Return `text` without control characters and lone surrogates, which no JSON reader or terminal wants."""
    return _CONTROLS.sub("", text)


def html_to_text(markup: str, *, any_tag: bool = True, is_tame: bool = False) -> str:
    """Return the words of `markup`: paragraphs apart by an empty line, scripts and comments left out.

    Markup that was escaped twice by mistake comes off too, if its tags are HTML's. With `any_tag=False` only HTML's
    tags are taken for tags from the start: for text that should be literal, and often is not. `is_tame` says that
    `markup` is known to hold nothing that matches `WILD`.
    """
    if "<" in markup:
        has_breaks = ("\n" in markup or "\r" in markup) and _BLOCK.search(markup) is not None
        markup = _strip(_BREAKS.sub(" ", markup) if has_breaks else markup, any_tag=any_tag)
    for _ in range(_ROUNDS - 1 if "&" in markup else 0):
        before = markup
        markup = _unescape(markup)
        if markup == before:
            break
        is_tame = False
        if "<" in markup:
            markup = _strip(markup, any_tag=False)
    return _tidy(markup, is_tame=is_tame)


def plain_text(text: str) -> str:
    """Return text that is plain already, with blanks and line ends put right."""
    return _tidy(text)


def title_to_text(title: str) -> str:
    """Return a title as one line of plain text.

    Titles are escaped once, twice or not at all, whatever the feed says, so known tags and entities are taken off until
    none is left; `<` before anything else stays what it is.
    """
    for _ in range(_ROUNDS):
        if "<" not in title and "&" not in title:
            break
        before = title
        if "<" in title:
            title = _strip(title, any_tag=False)
        if "&" in title:
            title = _unescape(title)
        if title == before:
            break
    if title.isprintable():  # then every blank in it is a space
        return " ".join(title.split()) if "  " in title else title.strip(" ")
    return " ".join(clean(title).split())


def _unescape(text: str) -> str:
    # Only with the semicolon: "AT&T" and "?a=1&copy=2" are no entities, whatever HTML 4 allowed.
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _strip(markup: str, *, any_tag: bool) -> str:
    pieces = _PLAIN_TAG.split(markup)
    if len(pieces) > 1:
        try:
            pieces[1::2] = [_PLAIN_TAGS[tag] for tag in pieces[1::2]]
        except KeyError:
            pass
        else:
            text = "".join(pieces)
            if "<" not in text:
                return text
    return _strip_any(markup, any_tag=any_tag)


def _strip_any(markup: str, *, any_tag: bool) -> str:
    out: list[str] = []
    position, end = 0, len(markup)
    no_close: set[str] = set()
    while position < end:
        start = markup.find("<", position)
        if start < 0:
            out.append(markup[position:])
            break
        if start > position:
            out.append(markup[position:start])
        close = markup.find(">", start + 2, start + 2 + _MAX_PLAIN_TAG)
        if close > 0 and (mark := _PLAIN_TAGS.get(markup[start + 1 : close])) is not None:
            out.append(mark)
            position = close + 1
            continue
        if markup.startswith(("<!", "<?"), start):
            if markup.startswith("<!--", start):
                position = _after(markup, "-->", start, no_close)
                continue
            if markup.startswith("<![CDATA[", start):
                position = start + 9
                continue
            if any_tag:
                position = _after(markup, ">", start, no_close)
                continue
        match = _TAG.match(markup, start)
        if match is None or not (any_tag or match["name"].lower() in _KNOWN):
            loose = _LOOSE_TAG.match(markup, start) if any_tag and match is None else None
            if loose is None:
                out.append("<")
                position = start + 1
            else:
                position = loose.end()
            continue
        name = match["name"].lower()
        position = match.end()
        if name in _SKIPPED and not match["close"] and not match[0].endswith("/>"):
            position = _after_element(markup, name, position, no_close)
        elif name in _PARAGRAPHS:
            out.append("\n\n")
        elif name in _LINES and not match["close"]:
            out.append("\n")
        elif name in _CELLS:
            out.append(" ")
    return "".join(out)


def _after(markup: str, mark: str, start: int, missing: set[str]) -> int:
    """Return the place after `mark`; what has no end takes only its own start, and is not searched for again."""
    found = -1 if mark in missing else markup.find(mark, start)
    if found >= 0:
        return found + len(mark)
    missing.add(mark)
    return start + 2


def _after_element(markup: str, name: str, start: int, missing: set[str]) -> int:
    # A script that never ends takes the rest with it, as in a browser; anything else only its own tag.
    unclosed = len(markup) if name in {"script", "style"} else start
    if name in missing:
        return unclosed
    match = re.compile(rf"</{re.escape(name)}\s*>", re.IGNORECASE).search(markup, start)
    if match is None:
        missing.add(name)
        return unclosed
    return match.end()


def _tidy(text: str, *, is_tame: bool = False) -> str:
    # Mostly there are no controls, and no blanks but spaces and line ends.
    if "\t" not in text and (is_tame or WILD.search(text) is None):
        text = text.strip()
        if "  " in text:
            text = _SPACES.sub(" ", text)
        return _without_empty_lines(text) if "\n" in text else text
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _LINE_ENDS.sub("\n", _BLANKS.sub(" ", text))
    return _MANY_LINES.sub("\n\n", text).strip()


def _without_empty_lines(text: str) -> str:
    """Return `text` with at most one empty line between two others, and no blanks around line ends."""
    kept: list[str] = []
    for line in text.split("\n"):
        line = line.strip(" ")
        if line or kept[-1]:
            kept.append(line)
    return "\n".join(kept)
