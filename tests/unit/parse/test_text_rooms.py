"""Encodings, dates, plain text and addresses: the small rooms that parsing stands on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.parse.dates import assess, parse_date
from agent.parse.encoding import decode_document
from agent.parse.plain import html_to_text, title_to_text
from agent.parse.urls import absolute_url, canonical_url

TEXTS = {
    "cp1256": "التقى وزراء الخارجية الأربعة في موسكو أمس لبحث مسار التطبيع بين دمشق وأنقرة",
    "cp1251": "Министры четырёх стран встретились вчера в Москве и обсудили нормализацию",
    "koi8-r": "Министры четырёх стран встретились вчера в Москве и обсудили нормализацию",
    "cp1254": "Dört ülkenin dışişleri bakanları dün Moskova'da görüştü, süreç hakkında bilgi verildi",
    "cp1255": "שרי החוץ של ארבע המדינות נפגשו אתמול במוסקבה ודנו בנורמליזציה",
    "cp1253": "Οι υπουργοί Εξωτερικών των τεσσάρων χωρών συναντήθηκαν χθες στη Μόσχα",
    "cp1252": "Les ministres des quatre pays se sont réunis à Moscou après l'été : « à bientôt »",
}


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("declared", ["right", "utf-8", "iso-8859-1", "nothing", "nonsense"])
def test_encodings_declared_or_not(encoding: str, declared: str) -> None:
    name = {"right": encoding, "nothing": "", "nonsense": "x-unknown"}.get(declared, declared)
    prolog = f'<?xml version="1.0" encoding="{name}"?>' if name else '<?xml version="1.0"?>'
    text = f"{prolog}<t>{TEXTS[encoding]}</t>"
    assert decode_document(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("declared", ["utf-8", "windows-1256", "utf-16"])
def test_unicode_in_any_width_whatever_is_declared(encoding: str, declared: str) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?><t>{TEXTS["cp1256"]}</t>'
    assert decode_document(text.encode(encoding), "text/xml; charset=iso-8859-1") == text


def test_utf_8_with_a_broken_letter_stays_utf_8() -> None:
    data = TEXTS["cp1256"].encode() + b"\xd8 " + TEXTS["cp1256"].encode()
    assert decode_document(data) == f"{TEXTS['cp1256']}\ufffd {TEXTS['cp1256']}"


def test_a_codec_that_is_no_encoding_is_not_used() -> None:
    data = b'<?xml version="1.0" encoding="rot13"?><t>caf\xe9</t>'
    assert decode_document(data).endswith("<t>café</t>")


@given(st.binary(max_size=200), st.sampled_from(["", "text/xml; charset=utf-7", "a; charset=cp037", "charset=hex"]))
def test_decoding_never_fails(data: bytes, content_type: str) -> None:
    decode_document(data, content_type)


# --- dates ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu, 05 Jan 2023 13:30:00 +0330", "2023-01-05T10:00:00"),
        ("Thu, 5 Jan 23 10:00 GMT", "2023-01-05T10:00:00"),
        ("05 Jan 2023 10:00:00 Z", "2023-01-05T10:00:00"),
        ("Thu, 05 Jan 2023 05:00:00 EST", "2023-01-05T10:00:00"),
        ("Thu, 05 Jan 2023 13:00:00 MSK", "2023-01-05T10:00:00"),
        ("Thu, 05-Jan-2023 10:00:00 GMT", "2023-01-05T10:00:00"),
        ("Thu, 05 Jan 2023 10:00:00", "2023-01-05T10:00:00"),
        ("Thu, 05 Jan 2023", "2023-01-05T00:00:00"),
        ("Thursday, January 5th, 2023 10:00 AM", "2023-01-05T10:00:00"),
        ("Jan 5, 2023 at 10:00 pm", "2023-01-05T22:00:00"),
        ("Thu Jan  5 10:00:00 2023", "2023-01-05T10:00:00"),
        ("2023-01-05T10:00:00Z", "2023-01-05T10:00:00"),
        ("2023-01-05T13:30:00.123456+03:30", "2023-01-05T10:00:00"),
        ("2023-01-05 10:00", "2023-01-05T10:00:00"),
        ("20230105T100000Z", "2023-01-05T10:00:00"),
        ("2023/1/5 10:00:00", "2023-01-05T10:00:00"),
        ("2023-01-05", "2023-01-05T00:00:00"),
        ("2023-01-04T24:00:00Z", "2023-01-05T00:00:00"),
        ("٢٠٢٣-٠١-٠٥ ١٠:٠٠", "2023-01-05T10:00:00"),
        ("۲۰۲۳/۰۱/۰۵ ۱۰:۰۰", "2023-01-05T10:00:00"),
        ("Чт, 5 янв 2023 13:00:00 +0300", "2023-01-05T10:00:00"),
        ("5 يناير 2023 10:00", "2023-01-05T10:00:00"),
        ("Per, 05 Oca 2023 13:00:00 +0300", "2023-01-05T10:00:00"),
        ("Seg, 05 Fev 2018 19:42:40 -0300", "2018-02-05T22:42:40"),
    ],
)
def test_dates_as_feeds_write_them(text: str, expected: str) -> None:
    assert parse_date(text) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2023", "2023-13-01", "32 Jan 2023", "12:00", "5 Smarch 2023", "0000-00-00", "9" * 200]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


@given(st.text(max_size=60))
def test_a_date_is_read_or_not_but_never_fails(text: str) -> None:
    found = parse_date(text)
    assert found is None or found.tzinfo is UTC


def test_dates_are_judged() -> None:
    now = datetime(2023, 1, 5, tzinfo=UTC)
    assert assess(now + timedelta(hours=23), now, 3650) == (True, None)
    assert assess(now + timedelta(hours=25), now, 3650) == (False, "future_date")
    assert assess(now - timedelta(days=3651), now, 3650) == (False, "old_date")
    assert assess(None, now, 3650) == (False, "missing_date")


# --- plain text ---


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain & simple", "plain & simple"),
        ("a < b and c > d", "a < b and c > d"),
        ("AT&T and ?a=1&copy=2", "AT&T and ?a=1&copy=2"),
        ("<p>One</p>\n<p>Two</p>", "One\n\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<p>one\nline</p>", "one line"),
        ("first\nsecond", "first\nsecond"),
        ('<a href="x>y">link</a>', "link"),
        ("<script>if (a<b) x()</script>after", "after"),
        ("before<script>never closed", "before"),
        ("<style>p { }</style>text", "text"),
        ("x<!-- hidden <b>words</b> -->y", "xy"),
        ("<![CDATA[inside]]>", "inside]]>"),
        ("&lt;p&gt;escaped twice&lt;/p&gt;", "escaped twice"),
        ("می‌شود", "می‌شود"),
        ("soft\u00adhyphen \u0007bell", "softhyphen bell"),
        ("<td>1</td><td>2</td>", "1 2"),
        ("<o:p>office</o:p>", "office"),
        ("cut <b", "cut"),
    ],
)
def test_markup_becomes_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("A &amp; B", "A & B"),
        ("A &amp;amp; B", "A & B"),
        ("&quot;Talks&quot; &#8211; day 2", "“Talks” – day 2".replace("“", '"').replace("”", '"')),
        ("<b>Bold</b> move", "Bold move"),
        ("&lt;b&gt;Bold&lt;/b&gt; move", "Bold move"),
        ("Price < 5 > 3", "Price < 5 > 3"),
        ("The <Hamas> question", "The <Hamas> question"),
        ("two\n  lines\t", "two lines"),
    ],
)
def test_titles_become_one_line(title: str, text: str) -> None:
    assert title_to_text(title) == text


@pytest.mark.parametrize("piece", ["<a ", '<a "', "<!--", "<![CDATA[", "<script>", "&lt;", "<p>", "</", "<a x='", "&#"])
def test_stripping_is_linear(piece: str) -> None:
    # A quadratic pass over this much would not end within the test's limit of time.
    html_to_text(piece * 400_000)
    title_to_text(piece * 400_000)


# --- addresses ---


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTP://News.Example:80/a/b?x=1#top", "http://news.example/a/b?x=1"),
        ("https://news.example", "https://news.example/"),
        ("https://news.example/?utm_source=rss&id=7&fbclid=abc", "https://news.example/?id=7"),
        ("https://news.example/a?traffic_source=rss", "https://news.example/a"),
        ("https://news.example/a?at_medium=RSS&at_campaign=rss", "https://news.example/a"),
        ("https://news.example/a?src=rss&ref=reuters", "https://news.example/a?ref=reuters"),
        ("https://news.example/a?source=feedburner-x", "https://news.example/a"),
        (
            "https://news.example/a?source=atomic-agency&from=feeders",
            "https://news.example/a?source=atomic-agency&from=feeders",
        ),
        ("https://news.example/خبر/1", "https://news.example/%D8%AE%D8%A8%D8%B1/1"),
        ("https://news.example/%d8%ae%D8%A8%D8%B1/1", "https://news.example/%D8%AE%D8%A8%D8%B1/1"),
        ("https://news.example/a%2Fb%7Ec%zz", "https://news.example/a%2Fb~c%25zz"),
        ("https://новости.example/a", "https://xn--b1amnebsh.example/a"),
        ("https://news.example./a", "https://news.example/a"),
        ("http://[2001:DB8::1]:8080/a", "http://[2001:db8::1]:8080/a"),
    ],
)
def test_one_page_has_one_address(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


@given(st.text(max_size=80), st.text(max_size=30))
def test_addresses_never_fail_and_settle(text: str, base: str) -> None:
    for url in (absolute_url(text), absolute_url(text, f"https://a.example/{base}"), f"https://a.example/{text}"):
        canonical = canonical_url(url)
        if canonical is not None:
            assert canonical.isascii()
            assert canonical_url(canonical) == canonical
