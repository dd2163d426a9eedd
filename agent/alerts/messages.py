"""Messages about alerts for people: subject, plain text and HTML, in the reader's language and direction.

What a feed wrote is made harmless (`safe.py`); in plain text it stands in isolates, in HTML in elements with
`dir="auto"` and its own language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from msgspec import Struct
from msgspec.structs import replace

from agent.alerts.i18n import Words, words
from agent.alerts.links import Links
from agent.alerts.safe import JOINER, as_html, inert, isolated, without_marks
from streams.alerts.records import Alert, Excerpt, TrendFacts

MAX_SUBJECT = 160
MAX_IN_DIGEST = 200
_REASONS = {
    "story": "A new story",
    "language": "For the first time in {language}",
    "source": "A further independent source",
    "country": "For the first time from {country}",
    "growth": "The story has grown",
    "revision": "An edited article",
    "trend": "Out of the ordinary",
    "activity": "The story goes on",
}
_OWNERSHIP = {
    "state": "state-owned",
    "opposition": "of the opposition",
    "independent": "independent",
    "wire": "news agency",
    "party": "of a party",
    "international": "international",
}
_SEVERITY = {"info": "Information", "warning": "Warning", "critical": "Critical"}
_STYLE = "font-family:sans-serif;line-height:1.5"


class Message(Struct, frozen=True, kw_only=True):
    """What is sent to people."""

    subject: str
    plain: str
    html: str
    language: str
    direction: str


class _Line(Struct, frozen=True):
    """One line of facts: with its parts isolated for plain text, and as HTML."""

    plain: str
    html: str


def render(
    alerts: Sequence[Alert],
    *,
    language: str,
    time_zone: str,
    links: Links,
    is_digest: bool = False,
    for_chat: bool = False,
    most: int = MAX_IN_DIGEST,
) -> Message:
    """Return the message about `alerts`: one, or the digest of all, with no more than `most` of them told.

    `for_chat`: what a feed wrote loses the characters that a chat program reads as markup, whatever it is told.

    Raises:
        ValueError: there is no alert.
    """
    if not alerts:
        raise ValueError("a message needs an alert")
    w = words(language)
    shown, rest = alerts[:most], alerts[most:]
    if is_digest:
        rules = len({alert.rule_id for alert in alerts})
        subject = w.count("Rasad: {number} alert", "Rasad: {number} alerts", len(alerts))
        of = w.count("of {number} rule", "of {number} rules", rules)
        heading = f"{subject}, {of}"
        subject = heading
    else:
        subject, heading = _subject(_unmarked(alerts[0]) if for_chat else alerts[0], w), ""
    plain = [heading, ""] if heading else []
    html = [f"<h1 style='font-size:1.2em'>{escape(heading)}</h1>"] if heading else []
    for alert in shown:
        plain += [*_plain(_unmarked(alert) if for_chat else alert, w, time_zone, links), ""]
        html.append(_html(alert, w, time_zone, links))
    if rest:
        more = w.count("and {number} more: rasad alerts list", "and {number} more: rasad alerts list", len(rest))
        plain.append(more)
        html.append(f"<p>{escape(more)}</p>")
    # The mark in front makes a line that begins with a foreign name still one of its reader's direction.
    mark = "\u200f" if w.direction == "rtl" else "\u200e"
    body = "\n".join(f"{mark}{line}" if line else "" for line in plain).rstrip() + "\n"
    page = (
        f'<!DOCTYPE html><html lang="{language}" dir="{w.direction}"><head><meta charset="utf-8">'
        f"<title>{as_html(subject)}</title></head>"
        f'<body dir="{w.direction}" style="{_STYLE};text-align:{"right" if w.direction == "rtl" else "left"}">'
        f"{''.join(html)}</body></html>"
    )
    return Message(subject=subject[:MAX_SUBJECT], plain=body, html=page, language=language, direction=w.direction)


def title_of(alert: Alert) -> str:
    """Return what an alert is about in a few words, as it was written: to be made harmless by whoever shows it."""
    if alert.article is not None:
        return alert.article.title or (alert.excerpts[0].text if alert.excerpts else "") or alert.rule_name
    if alert.trend is not None:
        return alert.trend.term or alert.trend.series_value
    return alert.rule_name


def reasons_of(alert: Alert, w: Words) -> str:
    """Return why the rule alerted, in words."""
    country = alert.article.country if alert.article is not None and alert.article.country else "?"
    code = alert.article.language if alert.article is not None else "und"
    said = [
        w.say(_REASONS[reason], language=w.language_name(code), country=w.country_name(country))
        for reason in alert.reasons
    ]
    return w.say("; ").join(said)


def _unmarked(alert: Alert) -> Alert:
    """Return `alert` without the characters of Markdown and its cousins, each replaced so that highlights stay."""
    article = alert.article
    if article is not None:
        source = without_marks(article.source_name) if article.source_name else None
        article = replace(article, title=without_marks(article.title), source_name=source)
    return replace(
        alert,
        rule_name=without_marks(alert.rule_name),
        article=article,
        excerpts=tuple(replace(one, text=without_marks(one.text)) for one in alert.excerpts),
        lineage=tuple(map(without_marks, alert.lineage)),
        trend=replace(alert.trend, term=without_marks(alert.trend.term))
        if alert.trend and alert.trend.term
        else alert.trend,
    )


def _subject(alert: Alert, w: Words) -> str:
    head = f"[{w.say(_SEVERITY[alert.severity])}] {inert(alert.rule_name)}: "
    # Cut inside its isolate: one without an end would take in whatever a program writes behind the subject.
    return head + isolated(title_of(alert), most=max(MAX_SUBJECT - len(head), 0))


def _facts(alert: Alert, w: Words, time_zone: str) -> Iterable[_Line]:
    article, story = alert.article, alert.story
    if alert.trend is not None:
        yield _line(_trend(alert.trend, w))
    if article is not None:
        source = article.source_name or article.source_id or w.say("unknown source")
        about = [w.language_name(article.language)] if article.language != "und" else []
        about += [w.country_name(article.country)] if article.country else []
        about += [w.say(_OWNERSHIP[article.ownership])] if article.ownership in _OWNERSHIP else []
        about += [w.time(article.published_at, time_zone)] if article.published_at is not None else []
        tail = f" ({w.say(', ').join(about)})" if about else ""
        yield _Line(
            f"{w.say('Source')}: {isolated(source)}{tail}",
            f"{escape(w.say('Source'))}: <bdi>{as_html(source)}</bdi>{escape(tail)}",
        )
    yield _line(f"{w.say('Why')}: {reasons_of(alert, w)}")
    if story is not None:
        articles = w.count("{number} article", "{number} articles", story.articles)
        copies = w.count("{number} of them a copy", "{number} of them copies", story.copies) if story.copies else ""
        sources = w.count("{number} independent source", "{number} independent sources", story.independent_sources)
        languages = w.say(", ").join(map(w.language_name, story.languages))
        parts = [part for part in (articles, copies, sources, languages) if part]
        yield _line(f"{w.say('Story')}: {w.say(', ').join(parts)}")
    for chain in alert.lineage:
        yield _Line(
            f"{w.say('Taken from')}: {isolated(chain)}",
            f"{escape(w.say('Taken from'))}: <bdi>{as_html(chain)}</bdi>",
        )


def _trend(trend: TrendFacts, w: Words) -> str:
    what = isolated(trend.term or trend.series_value)
    if trend.kind == "new_term":
        number = w.count("{number} article", "{number} articles", trend.seen)
        return w.say("A new word: {word} ({articles})", word=what, articles=number)
    expected = w.number(round(trend.expected))
    if trend.kind == "flatline":
        return w.say("Silence about {what}: {expected} articles were expected", what=what, expected=expected)
    seen = w.number(trend.seen)
    return w.say("Much about {what}: {seen} articles, {expected} expected", what=what, seen=seen, expected=expected)


def _line(text: str) -> _Line:
    return _Line(text, escape(text))


def _plain(alert: Alert, w: Words, time_zone: str, links: Links) -> list[str]:
    in_title = _title_excerpt(alert)
    title = marked(in_title) if in_title is not None else title_of(alert)
    lines = [f"[{w.say(_SEVERITY[alert.severity])}] {inert(alert.rule_name)}", isolated(title)]
    lines += [line.plain for line in _facts(alert, w, time_zone)]
    lines += [f"  {isolated(marked(excerpt))}" for excerpt in alert.excerpts if excerpt.field == "text"]
    for name, link in links.all(alert).items():
        lines += [f"{w.say(_LINKS[name])}:", link]
    return lines


_LINKS = {"article": "The article", "story": "The story", "discover": "In Kibana"}


def _html(alert: Alert, w: Words, time_zone: str, links: Links) -> str:
    article = alert.article
    code = article.language if article is not None and article.language != "und" else ""
    language = f' lang="{as_html(code)}"' if code else ""
    in_title = _title_excerpt(alert)
    title = _highlighted(in_title) if in_title is not None else as_html(title_of(alert))
    lines = [
        f"<p><strong>[{escape(w.say(_SEVERITY[alert.severity]))}] {as_html(alert.rule_name)}</strong></p>",
        f'<h2 dir="auto"{language} style="font-size:1.1em">{title}</h2>',
    ]
    lines += [f"<p>{line.html}</p>" for line in _facts(alert, w, time_zone)]
    lines += [
        f'<blockquote dir="auto"{language}>{_highlighted(one)}</blockquote>'
        for one in alert.excerpts
        if one.field == "text"
    ]
    found = [
        f'<a href="{escape(link, quote=True)}" rel="noreferrer nofollow">{escape(w.say(_LINKS[name]))}</a>'
        for name, link in links.all(alert).items()
    ]
    lines += [f"<p>{' · '.join(found)}</p>"] if found else []
    return f"<section>{''.join(lines)}</section><hr>"


def _title_excerpt(alert: Alert) -> Excerpt | None:
    """Return the whole title with its matched words, None where none matched or it is too long to be shown whole."""
    whole = (one for one in alert.excerpts if one.field == "title" and not (one.is_cut_before or one.is_cut_after))
    return next(whole, None)


def marked(excerpt: Excerpt) -> str:
    """Return an excerpt as plain text with the matched words between 【 and 】."""
    return _with_marks(excerpt, lambda word: f"【{word}】", lambda text: text)


def _highlighted(excerpt: Excerpt) -> str:
    return _with_marks(excerpt, lambda word: f"<mark>{JOINER}{as_html(word)}{JOINER}</mark>", _html_piece)


def _html_piece(text: str) -> str:
    # What lies between words keeps the spaces at its ends.
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{as_html(text)}{after}"


def _with_marks(excerpt: Excerpt, mark: Callable[[str], str], plain: Callable[[str], str]) -> str:
    parts, at = [], 0
    for start, end in excerpt.highlights:
        parts += [plain(excerpt.text[at:start]), mark(excerpt.text[start:end])]
        at = end
    parts.append(plain(excerpt.text[at:]))
    return f"{'… ' if excerpt.is_cut_before else ''}{''.join(parts)}{' …' if excerpt.is_cut_after else ''}"
