"""Makes up queries with their meaning, and articles, in all scripts, out of few words, so that they often meet."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.model import EnrichedArticle, EntityLabel, Span, TopicLabel
from streams.text.tokens import tokenize
from tests.unit.query.slow import Page

# What stands in articles: the words that queries look for, with clitics, suffixes, marks and capitals, and words between.
WORDS = {
    "ar": "تطبيع والتطبيع تَطبيع بالتطبيع سوريا لسوريا سورية السورية تركيا وتركيا أنقرة لقاء اللقاء على علي في من وزير الوزير",
    "fa": "عادی‌سازی عادی سازی خبرگزاری‌ها خبرگزاریها خبرگزاری ها سوریه ترکیه می‌شود میشود شود دیدار علی در به از كرد کرد",
    "ckb": "ده‌وڵه‌ت دەوڵەت سووریا تورکیا تورکیادا کۆبوونەوە لە بۆ کە",
    "ur": "شام ترکی ملاقات صدر علی کے کی میں سے",
    "tr": "Suriye Suriye'nin SURİYE Türkiye Türkiye’de görüşme görüşmeler Irak IRAK ışık ve bir ile İran",
    "en": "Syria Syria's Turkey talks Talks U.S. US us the a of SANA Sana resume",
    "ru": "Сирия Сирии Турция Турции встреча ВСТРЕЧА ещё еще и в на",
    "he": 'סוריה בסוריה וטורקיה טורקיה ארה"ב ארה״ב נפגשו של עם',
    "zh": "叙利亚 土耳其 会谈",
}
LOOKED_FOR = {
    "ar": "تطبيع سوريا سورية تركيا أنقرة لقاء على علي وزير",
    "fa": "عادی‌سازی خبرگزاری‌ها خبرگزاریها خبرگزاری سوریه ترکیه میشود علی کرد",
    "ckb": "ده‌وڵه‌ت دەوڵەت سووریا تورکیا",
    "ur": "شام ترکی ملاقات علی",
    "tr": "Suriye Türkiye görüşme Irak ışık İran",
    "en": "Syria Turkey talks U.S. us the SANA",
    "ru": "Сирия Турция Турции встреча ещё",
    "he": 'סוריה טורקיה ארה"ב',
    "zh": "叙利亚 会谈",
}
PREFIXES = "تطب سور عاد خبرگ Suriy görü Syr tal Тур встр сור سوو 叙".replace("сור", "סור").split()
EXACT = "تطبيع لقاء سوریه Suriye SANA talks us Сирия встреча סוריה دیدار Talks".split()
PUNCTUATION = (" ", " ", " ", " ", " ", "، ", ". ", "؟ ", " – ", ": ", " «", "» ", "\n", "، و ")
TOPICS, ENTITIES = ("football", "iran-nuclear"), ("bashar-al-assad", "hulusi-akar")
START = datetime(2023, 4, 25, tzinfo=UTC)
_JOINED = re.compile(r"(.{3,}?)(ها(?:ي)?)$|(ن?مي)(.{3,})$")


def article(pick: random.Random) -> tuple[EnrichedArticle, Page]:
    """Return a made-up article and the same as the slow evaluator sees it."""
    language = pick.choice([*WORDS, "und"])
    own = WORDS.get(language, "").split()
    others = [word for words in WORDS.values() for word in words.split()]
    length = pick.choice((0, 3, 8, 15, 25, 25, 80))
    title = _text(pick, own, others, pick.choice((0, 1, 4, 7)))
    text = _text(pick, own, others, length)
    record = EnrichedArticle(
        article_id=f"{pick.getrandbits(128):032x}",
        title=title,
        text=text,
        language=language,
        source_id=pick.choice((None, "sana", "trt")),
        country=pick.choice((None, "SY", "TR")),
        image_url=pick.choice((None, "https://images.example/1")),
        authors=pick.choice(((), ("A. Writer",))),
        topics=tuple(TopicLabel(id=topic, score=1.0) for topic in TOPICS if pick.random() < 0.4),
        entities=tuple(
            EntityLabel(id=entity, kind="person", mentions=_mentions(pick, title, text, language))
            for entity in ENTITIES
            if pick.random() < 0.4
        ),
        published_at=pick.choice((None, START, START + timedelta(days=1, seconds=-1), START + timedelta(days=1))),
        date_is_reliable=pick.random() < 0.8,
        collected_at=START + timedelta(days=2),
        enriched_at=START + timedelta(days=2),
    )
    return record, Page(title, text, language, record)


def _mentions(pick: random.Random, title: str, text: str, language: str) -> tuple[Span, ...]:
    found = []
    for name, tokens in (("title", tokenize(title, language)), ("text", tokenize(text, language))):
        for _ in range(pick.choice((0, 0, 1, 2)) if len(tokens) else 0):
            first = pick.randrange(len(tokens))
            last = min(first + pick.choice((0, 1)), len(tokens) - 1)
            found.append(Span(field=name, start=tokens.starts[first], end=tokens.ends[last]))
    return tuple(found)


def _text(pick: random.Random, own: list[str], others: list[str], length: int) -> str:
    parts = []
    for _ in range(length):
        parts.append(pick.choice(own if own and pick.random() < 0.7 else others))
        parts.append(pick.choice(PUNCTUATION))
    return "".join(parts)


class Maker:
    """Makes queries: `text` and meaning, together."""

    def __init__(self, pick: random.Random) -> None:
        self.pick = pick

    def query(self) -> tuple[str, Any]:
        """Return a query and its meaning (see `slow.evaluate`)."""
        pick = self.pick
        text, node = self._operators(pick.choice((0, 1, 1, 2, 2, 3)))
        min_score = min_mentions = 0.0
        if pick.random() < 0.15:
            min_score = pick.choice((1.0, 2.5, 4.0))
            text, node = self._beside(text, node, f"min_score:{min_score:g}")
        elif pick.random() < 0.1:
            min_mentions = pick.choice((2, 3))
            text, node = self._beside(text, node, f"min_mentions:{min_mentions}")
        return self._quotes(text), ("query", node, min_score, min_mentions)

    def _beside(self, text: str, node: Any, setting: str) -> tuple[str, Any]:
        """Put a setting beside the query: what is left stands in parentheses, so it is a group."""
        if node[0] == "clauses":
            # `(…) AND min_score:1` leaves the group alone, and a group of one is the whole query.
            return f"({text}) AND {setting}", node
        return f"{text} {setting}", node

    def _quotes(self, text: str) -> str:
        if "[" in text or self.pick.random() < 0.7 or 'ה"ב' in text:
            return text
        opening, closing = self.pick.choice(("“”", "«»", "„“"))
        return re.sub('"([^"]*)"', rf"{opening}\1{closing}", text)

    # Operators

    def _operators(self, depth: int) -> tuple[str, Any]:
        if depth == 0:
            return self._leaf()
        kind = self.pick.choice(("and", "or", "or", "list", "list", "not"))
        count = self.pick.choice((2, 2, 3))
        parts = [self._operand(depth - 1) for _ in range(count)]
        if kind == "not" and parts[1][1][0] == "weight":
            kind = "and"  # what is excluded has no weight
        if kind == "not":
            (text, node), (left, other) = parts[:2]
            joined = self.pick.choice(("{} AND NOT {}", "{} && !{}", "{} AND -{}"))
            return joined.format(text, left), ("clauses", (node,), (), (other,), ())
        if kind == "and":
            return self.pick.choice((" AND ", " && ")).join(text for text, _ in parts), (
                "clauses", tuple(node for _, node in parts), (), (), (),
            )  # fmt: skip
        if kind == "or":
            return self.pick.choice((" OR ", " || ")).join(text for text, _ in parts), (
                "clauses", (), tuple(node for _, node in parts), (), (),
            )  # fmt: skip
        return self._list(parts)

    def _list(self, parts: list[tuple[str, Any]]) -> tuple[str, Any]:
        texts, must, should, must_not, against = [], [], [], [], []
        for index, (text, node) in enumerate(parts):
            roll = self.pick.random()
            if roll < 0.2:
                texts.append(f"+{text}")
                must.append(node)
            elif roll < 0.35 and index and node[0] != "weight":
                texts.append(f"-{text}")
                must_not.append(node)
            elif roll < 0.45 and index and node[0] != "weight":
                texts.append(f"{text}^-2")
                against.append(("weight", node, -2.0))
            else:
                texts.append(text)
                should.append(node)
        if not must and not should:
            return parts[0]
        return " ".join(texts), ("clauses", tuple(must), tuple(should), tuple(must_not), tuple(against))

    def _operand(self, depth: int) -> tuple[str, Any]:
        text, node = self._operators(depth)
        if depth and node[0] == "clauses":
            text = f"({text})"
        if self.pick.random() < 0.15 and node[0] != "weight":
            weight = self.pick.choice((0.5, 2.0, 3.0))
            return f"{text}^{weight:g}", ("weight", node, weight)
        return text, node

    # Leaves

    def _leaf(self) -> tuple[str, Any]:
        roll = self.pick.random()
        if roll < 0.55:
            return self._scoped(*self._text())
        if roll < 0.68:
            return self._scoped(*self._near())
        if roll < 0.75:
            text, node = self._concept()
            count = self.pick.choice((1, 2, 3))
            return f"min_mentions/{count}:({text})", ("mentions", node, count)
        if roll < 0.98:
            return self._field()
        return "*", ("all",)

    def _scoped(self, text: str, node: Any) -> tuple[str, Any]:
        if self.pick.random() < 0.8:
            return text, node
        scope = self.pick.choice(("title", "text", "lead"))
        return f"{scope}:{text}", ("scope", scope, node)

    def _word(self) -> str:
        return self.pick.choice(LOOKED_FOR[self.pick.choice(list(LOOKED_FOR))].split())

    def _text(self) -> tuple[str, Any]:
        roll = self.pick.random()
        if roll < 0.05:
            text, node = self._text()
            languages = self.pick.choice((("fa",), ("ar", "ckb"), ("tr",)))
            return f"in/{'+'.join(languages)}:{text}", ("language", languages, node)
        if roll < 0.5:
            word = self._word()
            return word, text_meaning(word)
        if roll < 0.65:
            prefix = self.pick.choice(PREFIXES)
            return f"{prefix}*", ("text", ((("prefix", tokenize(prefix).terms[0], ""),),))
        if roll < 0.8:
            word = self.pick.choice(EXACT)
            form = self.pick.choice(("exact:{}", "={}", '="{}"', 'exact:"{}"'))
            return form.format(word), ("text", ((("exact", "", word),),))
        language = self.pick.choice(list(LOOKED_FOR))
        words = [self.pick.choice((*WORDS[language].split(), *LOOKED_FOR[language].split())) for _ in range(2)]
        return f'"{" ".join(words)}"', text_meaning(" ".join(words))

    def _concept(self) -> tuple[str, Any]:
        parts = [self._text() for _ in range(self.pick.choice((2, 3)))]
        joined = self.pick.choice((" OR ", " "))
        return joined.join(text for text, _ in parts), ("clauses", (), tuple(node for _, node in parts), (), ())

    def _near(self) -> tuple[str, Any]:
        distance = self.pick.choice((0, 1, 3, 6))
        if self.pick.random() < 0.4:
            words = [self._word() for _ in range(2)]
            is_ordered = self.pick.random() < 0.5
            text = f'"{" ".join(words)}"~{">" if is_ordered else ""}{distance}'
            return text, ("near", tuple(map(text_meaning, words)), distance, is_ordered)
        parts = []
        for _ in range(self.pick.choice((2, 2, 3))):
            text, node = self._text()
            if self.pick.random() < 0.4:
                text, node = self._concept()
                text = f"({text})"
            if self.pick.random() < 0.1:
                text, node = "entity:hulusi-akar", ("field", "entity", ("hulusi-akar",))
            parts.append((text, node))
        is_ordered = self.pick.random() < 0.4
        name = "before" if is_ordered else "near"
        text = f"{name}/{distance}:({self.pick.choice((' ', ' AND ')).join(text for text, _ in parts)})"
        return text, ("near", tuple(node for _, node in parts), distance, is_ordered)

    def _field(self) -> tuple[str, Any]:
        day = START.date()
        next_day = START + timedelta(days=1)
        return self.pick.choice(
            (
                ("lang:ar", ("field", "lang", ("ar",))),
                ("lang:(ar OR fa tr)", ("field", "lang", ("ar", "fa", "tr"))),
                ("source:SANA", ("field", "source", ("sana",))),
                ('country:"sy"', ("field", "country", ("SY",))),
                ("topic:football", ("field", "topic", ("football",))),
                ("entity:hulusi-akar", ("field", "entity", ("hulusi-akar",))),
                ("entity:(hulusi-akar bashar-al-assad)", ("field", "entity", ENTITIES[::-1])),
                ("has:image", ("field", "has", "image")),
                ("has:authors", ("field", "has", "author")),
                ("topic:*", ("field", "has", "topic")),
                (f"published:{day}", ("field", "published", (START, next_day))),
                (f"published:>{day}", ("field", "published", (next_day, None))),
                (f"published:[* TO {day}}}", ("field", "published", (None, START))),
                (f"published:<={day}", ("field", "published", (None, next_day))),
            )
        )


def text_meaning(raw: str) -> Any:
    """Return the meaning of a word or phrase: its alternatives, each a row of words."""
    found = [tuple(tokenize(raw).terms)]
    if "\u200c" in raw:
        found.append(tuple(tokenize(raw.replace("\u200c", "")).terms))
    elif len(found[0]) == 1 and re.search("[\u0600-\u06ff]", raw) and (split := _JOINED.match(found[0][0])):
        found.append(tuple(part for part in split.groups() if part))
    return ("text", tuple(tuple(("term", term, "") for term in terms) for terms in dict.fromkeys(found)))
