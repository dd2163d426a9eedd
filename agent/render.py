"""Articles on a terminal: readable in any script, safe whatever a feed holds, plain when it is not a terminal.

A terminal that knows bidirectional text lays out each line by itself, so every line of ours is one run in one
direction, between an isolate and its end: what stands in a headline cannot disturb what stands beside it, and a line
that begins with a Latin name stays right-to-left if the headline is. Right-to-left lines are aligned right, as their
readers expect. A terminal that does not know it shows the isolates as nothing (they have no width) and the letters in
the order of storage, as any program would.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from streams import codec
from streams.model import Article, Span

if TYPE_CHECKING:
    from streams.stores.base import Hit

_LRI, _RLI, _PDI = "\u2066", "\u2067", "\u2069"
_SNIPPET = 220
"""Code points of text around a match."""
_BEFORE = 70
_MATCH = "bold yellow"
_RIGHT_TO_LEFT = frozenset("ar arz azb ckb dv fa glk he ks lrc mzn ps sd syr ug ur yi".split())
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_C1 = re.compile("[\x7f-\x9f]")


def printable(text: str) -> str:
    """Return `text` with nothing in it that commands a terminal, code point for code point.

    Escape sequences could rewrite the screen, and directional overrides could show a text that is not there.
    """
    text = _CONTROLS.sub(lambda found: " " if found.group() in "\t\n\r\x0b\x0c\x85\u2028\u2029" else "\ufffd", text)
    return _DIRECTIONS.sub("\u200b", text)


def is_right_to_left(text: str, language: str = "und") -> bool:
    """Say whether `text` is to be set right to left.

    The first letter that has a direction decides (UAX #9, rule P2); but a headline in Arabic that begins with a Latin
    name is still Arabic, so in a right-to-left language any such letter does.
    """
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return True
        if kind == "L" and language not in _RIGHT_TO_LEFT:
            return False
    return False


def isolated(text: str) -> str:
    """Return `text`, made printable, between an isolate of its direction and its end, for one cell or one line."""
    return f"{_RLI if is_right_to_left(text) else _LRI}{printable(text)}{_PDI}"


def json_line(hit: Hit) -> str:
    """Return `hit` as one line of JSON: the article's fields, `score` and `matched` (spans)."""
    fields: dict[str, Any] = codec.to_builtins(hit.article)
    fields["score"] = hit.score
    fields["matched"] = [msgspec.structs.asdict(span) for span in hit.spans]
    line = msgspec.json.encode(fields).decode()
    # JSON escapes the C0 controls; 0x9b is one that terminals obey too.
    return _C1.sub(lambda found: f"\\u{ord(found.group()):04x}", line)


def caret(query: str, column: int) -> list[str]:
    """Return the lines that show where in `query` the 1-based `column` is.

    Columns count code points and a screen counts cells, and right-to-left text runs against the caret: there the part
    that is meant is repeated instead.
    """
    lines = query.splitlines() or [""]
    for line in lines:
        if column <= len(line) + 1:
            break
        column -= len(line) + 1
    shown = printable(line)
    before = shown[: column - 1]
    if any(unicodedata.bidirectional(character) in ("R", "AL") for character in shown):
        rest = shown[column - 1 : column + 29].strip()
        return [shown, f"here: {rest}" if rest else "here: the end"]
    return [shown, " " * cell_len(before) + "^"]


class Renderer:
    """Prints hits and articles to one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_terminal = console.is_terminal

    def hits(self, hits: Iterable[Hit]) -> None:
        """Print hits, one block each."""
        for hit in hits:
            self.hit(hit)

    def hit(self, hit: Hit) -> None:
        """Print the head of one article, its title, and what matched in it."""
        article = hit.article
        self._line(self._head(article, hit.score))
        self._block(
            article.title or "(no title)",
            article.language,
            [span for span in hit.spans if span.field == "title"],
            "bold",
        )
        for start, end in _windows(article.text, [span for span in hit.spans if span.field == "text"]):
            snippet, spans = _cut(article.text, hit.spans, start, end)
            self._block(snippet, article.language, spans, "")
        self._line(Text(printable(article.url or article.canonical_url or ""), style="dim"))
        self._line(Text(article.article_id, style="dim"))
        self._console.print()

    def article(self, article: Article, revisions: Sequence[tuple[int, str]] = ()) -> None:
        """Print one article in full; `revisions` are number and title of its earlier ones."""
        self._line(self._head(article, 0.0))
        self._block(article.title or "(no title)", article.language, [], "bold")
        self._console.print()
        for paragraph in article.text.splitlines():
            self._block(paragraph, article.language, [], "")
        self._console.print()
        for name, value in filter(lambda fact: fact[1], _facts(article)):
            self._line(Text.assemble((f"{name:<12} ", "dim"), self._isolated(printable(value))))
        for number, title in revisions:
            line = Text.assemble((f"{'revision ' + str(number):<12} ", "dim"), self._isolated(printable(title)))
            self._line(line)

    def _head(self, article: Article, score: float) -> Text:
        time = article.published_at if article.published_at is not None and article.date_is_reliable else None
        shown = moment(time) if time is not None else f"{moment(article.collected_at)} (collected)"
        source = article.source_name or article.source_id or "unknown source"
        head = Text.assemble(
            (shown, "cyan"), "  ", (article.language, "magenta"), "  ", self._isolated(printable(source))
        )
        for topic in article.topics:
            head.append(f"  #{printable(topic.id)}", style="green")
        if article.near_duplicate_of is not None:
            head.append("  copy", style="dim")
        if score:
            head.append(f"  {score:.3g}", style="dim")
        return head

    def _isolated(self, text: str) -> str:
        if not self._is_terminal:
            return text
        return isolated(text)

    def _line(self, text: Text) -> None:
        if text.plain.strip():
            self._console.print(text, soft_wrap=True, highlight=False)

    def _block(self, text: str, language: str, spans: Sequence[Span], style: str) -> None:
        block = Text(printable(text), style=style)
        for span in spans:
            block.stylize(_MATCH, span.start, span.end)
        if not self._is_terminal:
            self._line(block)
            return
        for line in directed_lines(self._console, block, is_right_to_left(text, language)):
            self._line(line)


def directed_lines(console: Console, block: Text, right_to_left: bool) -> Iterator[Text]:
    """Yield `block` in lines as wide as the terminal, each one run in its direction, aligned where readers begin."""
    for line in block.wrap(console, console.width):
        line.rstrip()
        padding = console.width - line.cell_len if right_to_left else 0
        yield Text.assemble(" " * max(padding, 0) + (_RLI if right_to_left else _LRI), line, _PDI)


def moment(time: datetime) -> str:
    """Return `time` to the minute, in UTC."""
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return f"{time:%Y-%m-%d %H:%M}Z"


def _facts(article: Article) -> Iterable[tuple[str, str]]:
    yield "id", article.article_id
    yield "url", article.url or article.canonical_url or ""
    yield "feed", article.feed_url or ""
    yield "revision", str(article.revision)
    for name in ("published_at", "modified_at", "collected_at", "indexed_at"):
        time = getattr(article, name)
        if time is not None:
            doubt = "" if name != "published_at" or article.date_is_reliable else "  (not reliable)"
            yield name, moment(time) + doubt
    yield "authors", ", ".join(article.authors)
    yield "tags", ", ".join(article.tags)
    yield "topics", ", ".join(f"{topic.id} ({topic.score:.3g})" for topic in article.topics)
    yield "entities", ", ".join(entity.id for entity in article.entities)
    yield "taken from", " \u2190 ".join(step.name for step in article.attribution)
    yield "copy of", article.near_duplicate_of or ""
    yield "story", article.story_id or ""


def _windows(text: str, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return up to two stretches of `text` to show: around the first match, and around the next that is far from it."""
    if not spans:
        return [(0, min(len(text), _SNIPPET))] if text.strip() else []
    windows: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda span: span.start):
        if windows and span.end <= windows[-1][1]:
            continue
        start = max(0, span.start - _BEFORE, windows[-1][1] if windows else 0)
        windows.append((start, min(len(text), max(start + _SNIPPET, span.end))))
        if len(windows) == 2:
            break
    return windows


def _cut(text: str, spans: Sequence[Span], start: int, end: int) -> tuple[str, list[Span]]:
    """Return the stretch of `text`, at the ends of words, with the spans that lie in it."""
    if start > 0 and (space := text.find(" ", start, start + 20)) >= 0:
        start = space + 1
    inside = [span for span in spans if span.field == "text" and span.start >= start and span.end <= end]
    last = max((span.end for span in inside), default=start)
    if end < len(text) and (space := text.rfind(" ", last, end)) > start:
        end = space
    lead, tail = "\u2026" if start > 0 else "", "\u2026" if end < len(text) else ""
    shift = len(lead) - start
    moved = [Span(field="text", start=span.start + shift, end=span.end + shift) for span in inside if span.end <= end]
    return f"{lead}{text[start:end]}{tail}", moved
