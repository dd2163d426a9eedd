"""What people read: in their language and direction, and with nothing in it that a feed could do harm with."""

from __future__ import annotations

import re
import string
from html import escape
from html.parser import HTMLParser

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from agent.alerts import messages
from agent.alerts.i18n import FOLDER, LANGUAGES, words
from agent.alerts.links import Links
from agent.alerts.messages import Message, render
from agent.alerts.safe import FSI, PDI, inert, web_address, without_marks
from streams.alerts.records import Alert
from streams.definitions import RealertPolicy
from tests.unit.alerts.kit import article, credits, rule, run, stage

LINKS = Links(web_url="https://rasad.example/", kibana_url="https://kibana.example")


def alert_of(**fields: object) -> Alert:
    given = {"title": "Talks on normalization", "attribution": credits("Tasnim"), **fields}
    [alert] = run(stage(rule(query="normalization OR تطبيع OR normalleşme OR عادی‌سازی")), article("a", **given))
    return alert


def message(alert: Alert, language: str = "en", **options: object) -> Message:
    return render((alert,), language=language, time_zone="Asia/Damascus", links=LINKS, **options)  # type: ignore[arg-type]


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


HOSTILE = [
    "@everyone <!channel> <@U123> normalization",
    "normalization <script>alert(1)</script><img src=x onerror=alert(1)>",
    "normalization [click](https://evil.example) https://evil.example www.evil.example evil.example",
    "normalization\r\nBcc: victim@evil.example\n\nhello",
    "normalization \u202egnp.exe\u202c \u2066 \x1b[2J \x00",
    "normalization &lt;b&gt; \" ' `code` *bold* _x_ javascript:alert(1) mailto:a@b.example",
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("title", HOSTILE)
def test_a_feed_injects_nothing(title: str, language: str) -> None:
    alert = alert_of(title=title, text=title, source_name=title, url=f"https://ok.example/a?b=c#{title}")
    made = message(alert, language)
    own = web_address(alert.article.url) if alert.article is not None else None
    assert own is not None
    for text in (made.subject, made.plain, made.html):
        text = text.replace(own, "").replace(escape(own), "")
        assert "@everyone" not in text and "<!channel" not in text and "<@U" not in text
        assert "evil.example" not in text
        assert "javascript:" not in text and "\x1b" not in text and "\x00" not in text and "\u202e" not in text
    assert "\n" not in made.subject and "\r" not in made.subject
    tags = Tags(made.html).found
    assert {tag for tag, _ in tags} <= set(
        "html head meta title body p strong h2 h1 bdi blockquote mark a section hr".split()
    )
    for tag, attributes in tags:
        assert not any(name.startswith("on") for name in attributes)
        if tag == "a":
            assert (attributes["href"] or "").startswith(
                ("https://ok.example/", "https://rasad.example/", "https://kibana.example/")
            )


def test_isolates_are_balanced_on_every_line() -> None:
    for title in HOSTILE:
        for line in message(alert_of(title=title, text=title), "ar").plain.splitlines():
            assert line.count(FSI) == line.count(PDI)


@given(st.text(max_size=200))
def test_inert_text_has_no_mention_and_no_address(text: str) -> None:
    safe = inert(text)
    assert not re.search(r"[@＠](?!\u2060)", safe)
    assert "://" not in safe and "\n" not in safe and "<!" not in safe
    assert not re.search(r"[^\W_\d]\.[^\W_\d]", safe)
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x00-\x1f]", safe)
    assert not set("*_`[]<>\\~#|") & set(without_marks(text)) and len(without_marks(text)) == len(text)


def test_numbers_keep_their_point() -> None:
    assert inert("3.5 million at 10.30") == "3.5 million at 10.30"


@pytest.mark.parametrize("language", ["ar", "fa", "tr"])
def test_every_sentence_is_translated_with_the_same_names_in_it(language: str) -> None:
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    entries = [entry for entry in catalogue if entry.id]
    assert {str(one.id) for one in entries} == {str(one.id) for one in _catalogue("ar")}
    for entry in entries:
        assert not list(entry.check(catalogue))
        ids = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        strings = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert all(strings) and len(strings) in (1, catalogue.num_plurals)
        for text in strings:
            # A dual or a singular says its number by itself.
            assert _names(text) <= _names(ids[-1])
            assert _names(ids[-1]) - _names(text) <= {"number"}


def _catalogue(language: str) -> list[object]:
    with (FOLDER / f"{language}.po").open("rb") as file:
        return [entry for entry in read_po(file, locale=language) if entry.id]


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_everything_that_is_said_is_in_the_catalogues() -> None:
    from pathlib import Path

    known = {text for entry in _catalogue("ar") for text in (entry.id if isinstance(entry.id, tuple) else (entry.id,))}  # type: ignore[attr-defined]
    source = "".join(path.read_text(encoding="utf-8") for path in (Path("agent/alerts")).rglob("*.py"))
    said = set(re.findall(r"\bsay\(\s*\"([^\"]+)\"", source)) | set(
        re.findall(r"count\(\s*\"([^\"]+)\", \"[^\"]+\"", source)
    )
    for table in (messages._REASONS, messages._OWNERSHIP, messages._SEVERITY, messages._LINKS):
        said |= set(table.values())
    assert len(said) > 30
    assert said <= known


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl"), ("fa", "rtl"), ("tr", "ltr")])
def test_direction_and_languages_are_marked(language: str, direction: str) -> None:
    made = message(alert_of(title="محادثات تطبيع", language="ar", text="عن تطبيع العلاقات"), language)
    tags = Tags(made.html).found
    assert ("html", {"lang": language, "dir": direction}) in tags
    heading = next(attributes for tag, attributes in tags if tag == "h2")
    assert (heading["dir"], heading["lang"]) == ("auto", "ar")
    assert any(tag == "mark" for tag, _ in tags)
    mark = "\u200f" if direction == "rtl" else "\u200e"
    assert all(line.startswith(mark) for line in made.plain.splitlines() if line)


def test_the_message_says_why_and_where_from() -> None:
    made = message(alert_of(ownership="state")).plain
    for part in (
        "A new story",
        "Syria",
        "English",
        "state-owned",
        "1 article",
        "1 independent source",
        "Tasnim",
        "【normalization】",
    ):
        assert part in made
    assert "https://outlet.example/a" in made
    assert "https://rasad.example/stories/" in made
    assert "https://kibana.example/app/discover#/?_g=" in made and "language:lucene" in made


def test_reasons_name_the_language_and_the_country() -> None:
    policy = RealertPolicy(language=True, country=True)
    *_, last = run(stage(rule(realert=policy)), article("a"), article("b", language="fa", country="IR"))
    assert "For the first time in Persian; For the first time from Iran" in message(last).plain
    assert "لأول مرة باللغة: الفارسية؛ لأول مرة من إيران" in message(last, "ar").plain


def test_arabic_counts_in_its_own_way() -> None:
    count = words("ar").count
    said = [count("{number} article", "{number} articles", number) for number in (1, 2, 3, 11, 100)]
    assert said[:2] == ["مقال واحد", "مقالان"]
    assert len(set(said)) == 5


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "ftp://a.example/", "https://", "https://u:p@a.example/", "", None,
     "https://a.example:99999/", f"https://a.example/{'x' * 3000}", "//a.example", "https://[::1", "http://\ud800.example"],
)  # fmt: skip
def test_only_ordinary_addresses_are_linked(url: str | None) -> None:
    assert web_address(url) is None


@given(st.text(max_size=60))
def test_an_address_ends_no_attribute_and_no_markdown(tail: str) -> None:
    address = web_address(f"https://a.example/{tail}")
    if address is not None:
        assert address.isascii()
        assert not set("\"'<>() \n\r\t[]`\\") & set(address)


def test_a_digest_is_one_message_about_all() -> None:
    alerts = run(stage(rule()), *(article(str(n), story_id=f"{n:032x}") for n in range(250)))
    made = render(alerts, language="tr", time_zone="UTC", links=LINKS, is_digest=True)
    assert "250 uyarı" in made.subject
    assert "50 tane daha" in made.plain


def test_chat_has_no_markup_of_a_feed() -> None:
    title = "normalization *bold* _it_ `code` ~~x~~ [a](b) # h > q | t <!here> @everyone"
    made = message(alert_of(title=title, text=title, source_name=title), for_chat=True)
    lines = [line for line in made.plain.splitlines() if FSI in line]
    assert len(lines) >= 4
    for line in [made.subject.partition("] ")[2], *lines]:
        assert not set("*_`~[]#|<>") & set(line.partition(FSI)[2])
    assert "【normalization】" in made.plain


def test_a_subject_is_cut_inside_its_isolate() -> None:
    subject = message(alert_of(title="normalization " * 40)).subject
    assert len(subject) <= messages.MAX_SUBJECT
    assert subject.endswith(f"…{PDI}") and subject.count(FSI) == subject.count(PDI) == 1


def test_what_chat_programs_draw_stays_text_and_a_time_is_a_time() -> None:
    assert ":smile:" not in inert("normalization :smile: :+1:") and ":+1:" not in inert(":+1:")
    assert inert("at 12:30, he said: no") == "at 12:30, he said: no"
