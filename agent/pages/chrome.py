"""What surrounds the article on a page: other articles, comments, sharing, consent, advertising, navigation.

Outlets write in every language and name the parts of their templates in English, with few exceptions: classes and ids
say what a part is. A part that holds most of the page's text is not taken off whatever its name says, because templates
also name the whole page `has-sidebar comments-open`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_NAMED = {
    "comments": (
        "comments? disqus respond fb-comments yorum(?:lar)? nazar talkbacks? opinions-list nazarat reader-reviews?"
    ),
    "related articles": (
        r"related\w* recommend\w* more-(?:news|stories|from|on|articles|in) most-\w+ popular trending"
        r" read-(?:more|also|next) also-(?:read|like) see-also next-(?:article|story|post)"
        r" previous-(?:article|story|post)"
        r" suggest\w* you-may\w* taboola outbrain mgid zergnet ilgili\w* benzer\w* diger-haber\w* son-haberler"
        r" similar\w* up-next latest-news"
        r" last-news other-news teaser-list rec-list top-stories yarpp\w*"
    ),
    "consent": r"cookies?\w* consent gdpr cmp onetrust didomi cc-window",
    "sharing": (
        r"shar(?:e|ing|es) social\w* addtoany sharedaddy follow-us a2a-kit addthis\w* print-link shortlink short-link"
    ),
    "subscription": (
        r"newsletter\w* subscri\w* signup sign-up paywall regwall piano membership donate donation support-us app-promo"
        r" download-app push-notification\w*"
    ),
    "advertising": r"ads? advert\w* sponsor\w* promo\w* banner\w* dfp adsbygoogle reklam\w*",
    "navigation": (
        "breadcrumbs? nav navbar navigation menu pagination pager tags tag-list tag-cloud tagcloud keywords sidebar"
        " toolbar skip-link site-header site-footer page-footer topbar back-to-top footer copyrights?"
    ),
    "player": "audio-player listen tts text-to-speech video-player player-controls",
    "author box": "author-(?:bio|box|card|info-box) about-(?:the-)?author",
}
_CHROME = re.compile(
    "|".join(
        f"(?P<{name.replace(' ', '_')}>(?:^|[ -])(?:{words.replace(' ', '|')})(?=$|[ -]))"
        for name, words in _NAMED.items()
    )
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HIDDEN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_NEVER_MAIN = ("consent", "comments", "dialog", "subscription")
"""However long they are, and however short the article."""
_TAGS = {
    "nav": "navigation",
    "footer": "page footer",
    "aside": "aside",
    "form": "form",
    "dialog": "dialog",
    "menu": "navigation",
}
_ROLES = {
    "navigation": "navigation",
    "banner": "page header",
    "contentinfo": "page footer",
    "complementary": "aside",
    "search": "form",
    "dialog": "dialog",
    "alertdialog": "dialog",
}
_SILENT = frozenset(
    {"script", "style", "noscript", "template", "svg", "head", "iframe", "object", "select", "button", "title", "math"}
)
_RUNNING = frozenset(
    {
        "p",
        "blockquote",
        "li",
        "td",
        "dd",
        "figcaption",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "span",
        "em",
        "strong",
        "b",
        "i",
        "a",
        "font",
    }
)
BLOCKS = frozenset(
    "p div blockquote article section header footer aside figure figcaption h1 h2 h3 h4 h5 h6 ul ol dl table pre hr "
    "center address main nav li tr dt dd td th br form body".split()
)


def reason_of(element: Any) -> str | None:
    """Return what `element` is, beside the article, by its tag, role, class or id; None where nothing is said."""
    tag = element.tag
    if not isinstance(tag, str):
        return None
    if element.get("hidden") is not None or _HIDDEN.search(element.get("style") or ""):
        return "hidden"
    if found := _TAGS.get(tag) or _ROLES.get(element.get("role") or ""):
        return found
    names = f"{element.get('class') or ''} {element.get('id') or ''}".strip()
    if not names or tag in {"html", "body"}:
        return None
    names = _CAMEL.sub("-", names[:500]).lower().replace("_", "-")
    match = _CHROME.search(names)
    return f"{match.lastgroup.replace('_', ' ')} ({names[:60]})" if match and match.lastgroup else None


def strip_chrome(tree: Any) -> list[tuple[Any, str]]:
    """Take the parts around the article out of `tree`; returns them with the reason, in document order."""
    marked = [(e, reason) for e in tree.iter() if isinstance(e.tag, str) and (reason := reason_of(e)) is not None]
    kept = _main(tree, {e for e, _ in marked}, {e for e, reason in marked if reason.startswith(_NEVER_MAIN)})
    taken: list[tuple[Any, str]] = []
    gone: set[Any] = set()
    for element, reason in marked:
        if element in kept or element.getparent() is None:
            continue
        if any(ancestor in gone for ancestor in element.iterancestors()):
            continue
        gone.add(element)
        taken.append((element, reason))
    for element, _ in taken:
        drop(element)
    return taken


def unfold_layout(tree: Any) -> None:
    """Make the cells of tables that lay a page out, and hold running text, into plain blocks."""
    for table in list(tree.iter("table")):
        cells = list(table.iter("td"))
        is_data = table.find(".//th") is not None and len(cells) > 3
        if not is_data and any(len("".join(cell.itertext()).strip()) > 200 for cell in cells):
            for element in table.iter("table", "tbody", "thead", "tfoot", "tr", "td", "th", "colgroup"):
                element.tag = "div"


def strip_links(tree: Any) -> list[Any]:
    """Take out the lines that are nothing but a link: headlines of other articles within the text. Returns them.

    Not where most of the page is linked, which is then how this outlet writes.
    """
    found, linked, whole = [], 0, len("".join(tree.itertext()).strip())
    for link in tree.iter("a"):
        text = "".join(link.itertext()).strip()
        if not 15 <= len(text) <= 250:
            continue
        holder = link
        while (above := holder.getparent()) is not None and above.tag not in {"body", "html", "article", "main"}:
            if len("".join(above.itertext()).strip()) != len(text):
                break
            holder = above
        if holder is link and not _stands_alone(link):
            continue
        linked += len(text)
        found.append(holder)
    if linked > 0.7 * whole:
        return []
    for holder in found:
        drop(holder)
    return found


def _stands_alone(link: Any) -> bool:
    """Tell whether there is nothing but line ends before and behind `link`."""
    before, after, parent = link.getprevious(), link.getnext(), link.getparent()
    behind = (link.tail or "").strip()
    if parent is None or behind or not (after is None or after.tag in BLOCKS):
        return False
    if before is None:
        return not (parent.text or "").strip() and parent.tag in BLOCKS
    return before.tag in BLOCKS and not (before.tail or "").strip()


def strip_other_articles(tree: Any, heading: Any, least_chars: int = 150) -> list[Any]:
    """Take out the `<article>` elements beside the one that `heading` stands in: the next ones of an endless page, and
    cards of a list. Returns them."""
    own = next((element for element in heading.iterancestors() if element.tag == "article"), None)
    if own is None or len(" ".join("".join(own.itertext()).split())) < least_chars:
        return []
    around = {own, *own.iterancestors(), *own.iterdescendants()}
    others = [element for element in tree.iter("article") if element not in around]
    for element in others:
        drop(element)
    return others


def region_of(heading: Any, least_chars: int = 80) -> Any:
    """Return the nearest element around `heading` with running text in it beside the heading; None where none has."""
    for element in heading.iterancestors():
        if element.tag in {"body", "html"}:
            return None
        text = "".join(element.itertext())
        links = sum(len("".join(link.itertext())) for link in element.iter("a"))
        if len(" ".join(text.split())) - links - len("".join(heading.itertext()).strip()) >= least_chars:
            return element
    return None


def drop(element: Any) -> None:
    """Take `element` out of its tree and leave the text behind it."""
    parent = element.getparent()
    if parent is None:
        return
    tail, before = element.tail, element.getprevious()
    element.tail = None
    parent.remove(element)
    if tail:
        if before is not None:
            before.tail = (before.tail or "") + tail
        else:
            parent.text = (parent.text or "") + tail


def _main(tree: Any, marked: set[Any], never: set[Any]) -> set[Any]:
    """Return the element that holds most of the running text, with its ancestors; one that is marked as something else
    only where hardly anything is not."""
    for avoided, least in ((marked, 100), (never, 50)):
        scores = _scores(tree, avoided)
        if scores and max(scores.values()) >= least:
            best = max(scores, key=lambda element: scores[element])
            return {best, *best.iterancestors()}
    return set()


def _scores(tree: Any, avoided: set[Any]) -> dict[Any, float]:
    scores: dict[Any, float] = {}
    inside: set[Any] = set()
    for element in tree.iter():
        parent = element.getparent()
        if not isinstance(element.tag, str) or element.tag in _SILENT or element in avoided or parent in inside:
            inside.add(element)
            continue
        own = len((element.text or "").strip()) + sum(len((child.tail or "").strip()) for child in element)
        if own < 25 or element.tag == "a":
            continue
        holder = element
        while holder.tag in _RUNNING and holder.getparent() is not None:
            holder = holder.getparent()
        scores[holder] = scores.get(holder, 0.0) + own
        above = holder.getparent()
        if above is not None and above.tag not in {"html", "body"}:
            scores[above] = scores.get(above, 0.0) + own / 3
    return scores


def lines_of(tree: Any) -> Iterator[tuple[str, Any]]:
    """Yield the lines that a reader of the page sees, each with the element that it stands in."""
    from lxml import etree

    pieces: list[str] = []
    owner: Any = tree
    silent = 0

    def flush() -> str:
        line = " ".join("".join(pieces).split())
        pieces.clear()
        return line

    for event, element in etree.iterwalk(tree, events=("start", "end")):
        is_block = element.tag in BLOCKS
        if is_block and (line := flush()):
            yield line, owner
        if event == "start":
            silent += element.tag in _SILENT
            if is_block:
                owner = element
            if not silent and element.text:
                pieces.append(element.text)
        else:
            silent -= element.tag in _SILENT
            if is_block:
                above = element.getparent()
                owner = above if above is not None else tree
            if not silent and element.tail and element is not tree:
                pieces.append(element.tail)
    if line := flush():
        yield line, owner
