"""Templates, and how values are shown in them. Everything a feed wrote is escaped; nothing is ever marked as safe
but what is made here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from agent import __version__
from streams.model import Article, Span
from streams.stores.records import article_time

if TYPE_CHECKING:
    from agent.web.world import World
    from streams.stories.documents import StoryDocument

_FOLDER = Path(__file__).parent / "templates"
_SNIPPET = 320
_END = Markup("</mark>")
_MARKS = ((Markup(""), Markup("")), (Markup('<mark class="name">'), _END), (Markup("<mark>"), _END))
_AROUND = 60
_NAMES = {
    "ar": "Arabic", "az": "Azerbaijani", "azb": "South Azerbaijani", "bg": "Bulgarian", "ckb": "Central Kurdish",
    "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "fa": "Persian", "fr": "French", "he": "Hebrew",
    "hy": "Armenian", "it": "Italian", "ka": "Georgian", "kmr": "Northern Kurdish", "ku": "Kurdish", "nl": "Dutch",
    "pl": "Polish", "ps": "Pashto", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sr": "Serbian",
    "tr": "Turkish", "uk": "Ukrainian", "und": "undetermined", "ur": "Urdu", "zh": "Chinese",
}  # fmt: skip


class Views:
    """Renders the templates for one world."""

    def __init__(self, world: World, asset: Any) -> None:
        self._world = world
        # No extension of our own files decides about escaping: everything is.
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._environment.globals.update(asset=asset, version=__version__)
        self._environment.filters.update(
            language=language_name, moment=moment, ago=ago, outward=outward, marked=marked, snippet=snippet,
            hourly=hourly, number=lambda value: f"{value:,}", span=span, time_of=article_time, to_json=_to_json,
            lang_tag=lang_tag,
            source=lambda value: world.source_names.get(value, value),
            topic=lambda value: world.topics[value].name if value in world.topics else value,
            entity=lambda value: world.entity_names.get(value, value),
        )  # fmt: skip

    def page(self, request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a whole page."""
        user = request.scope.get("rasad.user")
        text = self._environment.get_template(name).render(
            path=request.url.path, user=user, has_login=self._world.access.needs_login, **values
        )
        return HTMLResponse(text, status_code=status)

    def part(self, name: str, **values: Any) -> str:
        """Return a part of a page."""
        return self._environment.get_template(name).render(**values)


def language_name(code: str) -> str:
    """Return the English name of a language, or its code."""
    base, _, rest = code.partition("-")
    name = _NAMES.get(base, base)
    return f"{name} ({rest})" if rest else name


def lang_tag(code: str) -> str:
    """Return what stands in a `lang` attribute: empty where the language is not known."""
    return "" if code == "und" else code


def moment(time: datetime | None) -> str:
    """Return a time as it is read: to the minute, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if time else "never"


def ago(time: datetime | None) -> str:
    """Return how long ago a time was, roughly."""
    return span((datetime.now(UTC) - time).total_seconds()) + " ago" if time else "never"


def span(seconds: float | None) -> str:
    """Return a length of time, in its largest unit."""
    if seconds is None:
        return "unknown"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{max(0.0, seconds):.1f} s"


def outward(url: str | None) -> str:
    """Return `url` where it leads to a web page, else nothing: a feed may write `javascript:`."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return ""
    return (url or "") if parts.scheme in ("http", "https") and parts.netloc else ""


def marked(
    text: str, field: str, spans: Iterable[Span], start: int = 0, end: int | None = None, *, names: Iterable[Span] = ()
) -> Markup:
    """Return `text[start:end]`, escaped, with the spans of `field` in it highlighted, and those of `names` underlined
    where nothing is highlighted."""
    end = len(text) if end is None else min(end, len(text))
    kinds = bytearray(max(0, end - start))
    for kind, group in ((1, names), (2, spans)):
        for one in group:
            if one.field == field:
                low, high = max(one.start, start) - start, min(one.end, end) - start
                if low < high:
                    kinds[low:high] = bytes([kind]) * (high - low)
    pieces: list[Markup] = []
    at = 0
    while at < len(kinds):
        kind, low = kinds[at], at
        while at < len(kinds) and kinds[at] == kind:
            at += 1
        before, after = _MARKS[kind]
        pieces += [before, escape(text[start + low : start + at]), after]
    return Markup("").join(pieces)


def snippet(article: Article, spans: Iterable[Span]) -> Markup:
    """Return some text of an article: around its first highlighted word, or from its beginning."""
    text = article.text
    spans = tuple(spans)
    first = min((s.start for s in spans if s.field == "text"), default=0)
    start = 0 if first < _SNIPPET - _AROUND else text.rfind(" ", 0, first - _AROUND) + 1
    end = start + _SNIPPET
    if end < len(text):
        end = max(text.rfind(" ", start, end), start + _SNIPPET // 2)
    dots = Markup("… ") if start else Markup("")
    return dots + marked(text, "text", spans, start, end) + (Markup(" …") if end < len(text) else Markup(""))


def hourly(story: StoryDocument) -> list[tuple[datetime, int]]:
    """Return a story's articles by the hour."""
    return [(datetime.fromisoformat(hour), number) for hour, number in story.articles_per_hour.items()]


def _to_json(value: object) -> str:
    # Into an attribute, which autoescaping quotes.
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(type(value).__name__)
