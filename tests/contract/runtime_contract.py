"""What must be true of every runtime: the same inputs come to the same documents and the same quarantine.

A runtime is anything with `run(sent) -> Outcome`. The scenarios below are inputs and what is to be said of their outcome; that the
runtimes agree with one another, field by field, is tested over all of them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from streams import codec
from streams.channels import BACKFILL, RAW, Channel
from streams.identity import article_id
from streams.model import Article, RawArticle

NOON = datetime(2023, 4, 25, 12, 0, 0, 123456, tzinfo=UTC)
STAGE_TIMES = {"enriched_at": NOON, "storied_at": NOON, "indexed_at": NOON}


@dataclass(frozen=True)
class Sent:
    """One record as it is put into a runtime."""

    payload: bytes
    channel: Channel = RAW


@dataclass(frozen=True)
class Outcome:
    """What a runtime made of it. Stage times are replaced by `NOON`."""

    documents: dict[str, Article]
    copies: int
    quarantined: frozenset[tuple[str, str, str, bytes]]
    """`(stage, channel, reason, payload)`"""


class Runtime(Protocol):
    """A way to run the stages."""

    async def run(self, sent: Sequence[Sent], ids: Iterable[str]) -> Outcome:
        """Process all of `sent`, in order, and return what became of the articles `ids`, and what is in quarantine of
        `sent`."""
        ...


def timeless(article: Article) -> Article:
    """The article without what depends on when it was processed."""
    assert article.story_id is not None
    changes = tuple(msgspec.structs.replace(change, decided_at=NOON) for change in article.story_changes)
    return msgspec.structs.replace(article, **STAGE_TIMES, story_changes=changes)


class Namer:
    """Articles of one scenario, with ids that no other scenario has."""

    def __init__(self) -> None:
        self._site = f"https://{uuid.uuid4().hex}.example"
        self.ids: list[str] = []

    def article(self, name: str, **fields: Any) -> RawArticle:
        url = f"{self._site}/{name}"
        identity = article_id(canonical_url=url)
        if identity not in self.ids:
            self.ids.append(identity)
        given: dict[str, Any] = {
            "article_id": identity,
            "url": url,
            "canonical_url": url,
            "feed_url": f"{self._site}/feed",
            "source_id": "outlet",
            "source_name": "The Outlet",
            "title": "Defence ministers of four countries meet in Moscow",
            "text": "The talks on normalization between Syria and Turkey went on behind closed doors.",
            "published_at": NOON,
            "collected_at": NOON,
            **fields,
        }
        return RawArticle(**given)

    def sent(self, *articles: RawArticle, channel: Channel = RAW) -> list[Sent]:
        return [Sent(codec.encode(article), channel) for article in articles]


@dataclass(frozen=True)
class Scenario:
    """Inputs, and what must be true of the outcome."""

    name: str
    make: Callable[[Namer], list[Sent]]
    check: Callable[[Namer, Outcome], None]


# --- the scenarios -------------------------------------------------------------------------------------------------

TEXTS = {
    "ar": ("وزراء الدفاع يجتمعون في موسكو", "بحث الوزراء مسار التطبيع بين تركيا وسوريا وعودة اللاجئين، وقال شويغو إن الاجتماع كان بناء."),
    "fa": ("وزیران دفاع در مسکو دیدار کردند", "در این نشست چهارجانبه، عادی‌سازی روابط سوریه و ترکیه بررسی شد و طرف‌ها بر ادامه گفت‌وگوها تأکید کردند."),
    "tr": ("Savunma bakanları Moskova'da bir araya geldi", "Toplantıda Türkiye ile Suriye arasındaki normalleşme süreci ele alındı; Akar görüşmeleri olumlu buldu."),
    "ru": ("Министры обороны встретились в Москве", "Стороны обсудили нормализацию отношений между Сирией и Турцией и возвращение беженцев."),
    "he": ("שרי ההגנה נפגשו במוסקבה", "בפגישה נדונה הנורמליזציה בין סוריה לטורקיה ושיבת הפליטים."),
    "ckb": ("وەزیرانی بەرگری لە مۆسکۆ کۆبوونەوە", "لە کۆبوونەوەکەدا باس لە ئاساییکردنەوەی پەیوەندییەکانی سوریا و تورکیا کرا."),
    "en": ("Defence ministers meet in Moscow", "They discussed the normalization of relations between Syria and Turkey, and the return of refugees."),
    "fr": ("Les ministres de la Défense se réunissent à Moscou", "La normalisation entre la Syrie et la Turquie était au centre des entretiens."),
}  # fmt: skip


def _languages(name: Namer) -> list[Sent]:
    return name.sent(*(name.article(code, title=title, text=text) for code, (title, text) in TEXTS.items()))


def _check_languages(name: Namer, outcome: Outcome) -> None:
    assert outcome.documents.keys() == set(name.ids)
    found = {article.url.rpartition("/")[2]: article for article in outcome.documents.values() if article.url}
    assert {code: article.language for code, article in found.items()} == {code: code for code in TEXTS}
    about = {code for code, a in found.items() if "syria-turkey-normalization" in {topic.id for topic in a.topics}}
    assert {"ar", "fa", "tr", "en"} <= about


def _redelivery(name: Namer) -> list[Sent]:
    once = name.sent(name.article("a"), name.article("b"))
    return [*once, *once, once[0], once[1], once[0]]


def _check_redelivery(name: Namer, outcome: Outcome) -> None:
    assert outcome.documents.keys() == set(name.ids)
    assert outcome.quarantined == frozenset()


def _edits(name: Namer) -> list[Sent]:
    return name.sent(*(name.article("a", revision=n, title=f"Headline {n}", text=f"Text {n}") for n in (1, 2, 3)))


def _late_old_revision(name: Namer) -> list[Sent]:
    newest, oldest, middle = (name.article("a", revision=n, title=f"Headline {n}") for n in (3, 1, 2))
    return name.sent(newest, oldest, middle, oldest)


def _check_third_revision(name: Namer, outcome: Outcome) -> None:
    [article] = outcome.documents.values()
    assert (article.revision, article.title) == (3, "Headline 3")


def _poison(name: Namer) -> list[Sent]:
    newer = {**codec.to_builtins(name.article("newer")), "schema": 9}
    wrong = {**codec.to_builtins(name.article("wrong")), "authors": "a string, not a list"}
    missing = {k: v for k, v in codec.to_builtins(name.article("missing")).items() if k != "collected_at"}
    tag = name.ids[0].encode()
    bad = [b"\x00\xff" + tag, b"{" + tag, b'{"tag": "%s"}' % tag, b'["%s"]' % tag]
    bad += [json.dumps(record).encode() for record in (newer, wrong, missing)]
    good = name.sent(*(name.article(f"good-{number}") for number in range(len(bad) + 1)))
    mixed = [good[0]]
    for payload, article in zip(bad, good[1:], strict=True):
        mixed += [Sent(payload), article]
    return mixed


def _check_poison(name: Namer, outcome: Outcome) -> None:
    stored = {article.url.rpartition("/")[2] for article in outcome.documents.values() if article.url}
    assert stored == {f"good-{number}" for number in range(8)}
    assert sorted((stage, channel, reason) for stage, channel, reason, _ in outcome.quarantined) == sorted(
        [("enrich", "raw", "undecodable")] * 2
        + [("enrich", "raw", "invalid")] * 4
        + [("enrich", "raw", "newer_schema")]
    )


def _backfill(name: Namer) -> list[Sent]:
    return [
        *name.sent(name.article("old", is_backfill=True), channel=BACKFILL),
        *name.sent(name.article("live")),
    ]


def _check_backfill(name: Namer, outcome: Outcome) -> None:
    flags = {
        article.url.rpartition("/")[2]: article.is_backfill for article in outcome.documents.values() if article.url
    }
    assert flags == {"old": True, "live": False}


def _odd(name: Namer) -> list[Sent]:
    a = name.article
    return name.sent(
        a("no-title", title=""),
        a("no-text", text=""),
        a("nothing", title="", text=""),
        a("no-date", published_at=None, date_is_reliable=False),
        a("future", published_at=datetime(2190, 1, 1, tzinfo=UTC), date_is_reliable=False),
        a("old", published_at=datetime(1969, 7, 20, tzinfo=UTC)),
        a("no-url", url=None, canonical_url=None, guid="tag:outlet,2023:1"),
        a("controls", title="a\x00b\x01\u202e\u200f\u200c\ufeff", text="line\r\nline\u2028\u0085 tab\t"),
        a("emoji", title="👩‍👩‍👧‍👦 🇸🇾🇹🇷", text="e\u0301 \U0001f9ff " * 50),
        a("markup", title="<b>& \"quotes\" '</b>", text="</script><script>alert(1)</script>"),
        a("long", text="كلمة وكلمات " * 20_000),
        a("one-word", text="x" * 100_000),
        a("extra", extra={"id": 7, "nested": {"a": [1, 2.5, None, {"b": "ج"}]}, "": "", "a.b": 1}),
        a("lists", authors=("أ", "b"), tags=("", "سياسة", "x" * 3000)),
        a("everything", modified_at=NOON, declared_language="ar-SY", country="SY", ownership="state",
          image_url="https://x.example/i.jpg", text_origin="page"),
    )  # fmt: skip


def _check_odd(name: Namer, outcome: Outcome) -> None:
    assert outcome.documents.keys() == set(name.ids)
    assert outcome.quarantined == frozenset()
    by_name = {a.url.rpartition("/")[2]: a for a in outcome.documents.values() if a.url}
    assert by_name["extra"].extra == {"id": 7, "nested": {"a": [1, 2.5, None, {"b": "ج"}]}, "": "", "a.b": 1}
    assert by_name["controls"].title == "a\x00b\x01\u202e\u200f\u200c\ufeff"


def _moved_month(name: Namer) -> list[Sent]:
    march, april = datetime(2023, 3, 31, tzinfo=UTC), datetime(2023, 4, 1, tzinfo=UTC)
    return name.sent(
        name.article("a", published_at=march, title="Before"),
        name.article("a", published_at=april, title="After", revision=2),
    )


def _check_moved_month(name: Namer, outcome: Outcome) -> None:
    [article] = outcome.documents.values()
    assert (article.title, article.published_at) == ("After", datetime(2023, 4, 1, tzinfo=UTC))


def _many(name: Namer) -> list[Sent]:
    return name.sent(*(name.article(f"n-{number}", title=f"Number {number}") for number in range(700)))


def _check_all_there(name: Namer, outcome: Outcome) -> None:
    assert outcome.documents.keys() == set(name.ids)
    assert outcome.quarantined == frozenset()


SCENARIOS = (
    Scenario("languages", _languages, _check_languages),
    Scenario("redelivery", _redelivery, _check_redelivery),
    Scenario("edits", _edits, _check_third_revision),
    Scenario("an old revision comes late", _late_old_revision, _check_third_revision),
    Scenario("poison among good", _poison, _check_poison),
    Scenario("backfill", _backfill, _check_backfill),
    Scenario("odd articles", _odd, _check_odd),
    Scenario("an edit moves the month", _moved_month, _check_moved_month),
    Scenario("more than one batch", _many, _check_all_there),
)
