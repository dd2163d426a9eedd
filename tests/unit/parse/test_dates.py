"""Dates as people write them: month names of the languages of the press, three calendars, digits of every script."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.parse.dates import parse_date
from agent.parse.months import fold, jalali_to_gregorian, month_of, to_gregorian

_CLDR = "en de fr es it pt nl tr az ru uk be bg sr pl ro el he ar ar_SY ar_DZ ar_TN ar_MA ar_IQ ar_LB ar_SA fa fa_AF ps ur ckb ku hy ka kk tk sv da nb id hi"


@pytest.mark.parametrize("locale", _CLDR.split())
def test_the_months_of_a_language_are_known(locale: str) -> None:
    from babel import Locale

    for number, name in Locale.parse(locale).months["format"]["wide"].items():
        assert month_of(name) == ("gregorian", number), name
        assert parse_date(f"5 {name} 2023 10:30") == datetime(2023, number, 5, 10, 30, tzinfo=UTC), name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 كانون الثاني/يناير 2023 - 10:30 م", "2023-01-05T22:30"),
        ("الخميس، 05 يناير 2023 - 10:30 ص", "2023-01-05T10:30"),
        ("١٢ نيسان ٢٠٢٣", "2023-04-12T00:00"),
        ("تشرين الأول 5، 2023", "2023-10-05T00:00"),
        ("15 ديسمبر/ كانون الأول 2022", "2022-12-15T00:00"),
        ("آخر تحديث: 5 غشت 2023 الساعة 15:20", "2023-08-05T15:20"),
        ("5 يناير 2023 10:30 بتوقيت مكة المكرمة", "2023-01-05T07:30"),
        ("پنجشنبه ۱۵ دی ۱۴۰۱ - ۱۳:۳۰", "2023-01-05T13:30"),
        ("پنجشنبه، 15 دي\u200cماه 1401 ساعت 13:30", "2023-01-05T13:30"),
        ("۱۴۰۱/۱۰/۱۵ ۱۳:۳۰:۰۰", "2023-01-05T13:30"),
        ("1401-10-15T13:30:00+03:30", "2023-01-05T10:00"),
        ("12 جمادى الآخرة 1444", "2023-01-05T00:00"),
        ("15 رمضان 1444 هـ الموافق 6 أبريل 2023", "2023-04-06T00:00"),
        ("1444-06-12", "2023-01-05T00:00"),
        ("٥ی ئازاری ٢٠٢٣", "2023-03-05T00:00"),
        ("5'ê Çileya 2023", "2023-01-05T00:00"),
        ("جنوری 5, 2023", "2023-01-05T00:00"),
        ("5 جنوری 2023ء", "2023-01-05T00:00"),
        ("5 Ocak 2023 Perşembe 10:30", "2023-01-05T10:30"),
        ("Чт, 5 января 2023 г. 13:00", "2023-01-05T13:00"),
        ("ה', 5 בינואר 2023 10:30", "2023-01-05T10:30"),
        ("5. Januar 2023, 10.30 Uhr", "2023-01-05T10:30"),
        ("le 5 janvier 2023 à 10h30", "2023-01-05T10:30"),
        ("5 de enero de 2023", "2023-01-05T00:00"),
        ("2023年1月5日 10:30", "2023-01-05T10:30"),
        ("Jan. 5, 2023 10:30 a.m. EST", "2023-01-05T15:30"),
        ("1/5/2023 10:30:00 AM", "2023-01-05T10:30"),
        ("13/5/2023 10:30", "2023-05-13T10:30"),
        ("05.01.2023 10:30", "2023-01-05T10:30"),
        ("05/Jan/2023:10:30:00 +0000", "2023-01-05T10:30"),
        ("2023-01-05 10:30 PM", "2023-01-05T22:30"),
        ("1672912800", "2023-01-05T10:00"),
        ("20230105103000", "2023-01-05T10:30"),
    ],
)
def test_dates_in_other_words(text: str, expected: str) -> None:
    assert parse_date(text) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["5 يناير", "رمضان", "31 نيسان 2023", "30 اسفند 1402", "1402", "5 of May", "99:99 5/5/2023"]
)
def test_half_a_date_is_none(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("year", "nowruz"),
    [(1206, "1827-03-22"), (1304, "1925-03-21"), (1357, "1978-03-21"), (1395, "2016-03-20"), (1399, "2020-03-20"),
     (1400, "2021-03-21"), (1403, "2024-03-20"), (1404, "2025-03-21"), (1408, "2029-03-20"), (1497, "2118-03-21")],
)  # fmt: skip
def test_the_solar_year_begins_with_spring(year: int, nowruz: str) -> None:
    assert jalali_to_gregorian(year, 1, 1) == date.fromisoformat(nowruz)


@given(st.integers(1206, 1496), st.integers(1, 12), st.integers(1, 31))
def test_solar_days_follow_each_other(year: int, month: int, day: int) -> None:
    try:
        this = jalali_to_gregorian(year, month, day)
    except ValueError:
        assert day > 29
        return
    following = [(year, month, day + 1), (year, month + 1, 1), (year + 1, 1, 1)]
    following_days = [found for d in following if (found := to_gregorian("jalali", *d)) is not None]
    assert this + timedelta(days=1) in following_days


@given(st.integers(-2_177_000_000, 7_226_000_000), st.integers(-14 * 60, 14 * 60))
def test_both_standards_mean_the_same(seconds: int, offset_minutes: int) -> None:
    expected = datetime.fromtimestamp(seconds, UTC)
    local = expected.astimezone(timezone(timedelta(minutes=offset_minutes)))
    assert parse_date(local.isoformat()) == expected
    assert parse_date(local.strftime("%a, %d %b %Y %H:%M:%S %z")) == expected


_WORDS = st.sampled_from("5 15 2023 1401 1444 دی رمضان يناير كانون الثاني / - : 10:30 م ص pm + +03:00 GMT |".split())


@given(st.lists(_WORDS, max_size=9).map(" ".join))
def test_a_heap_of_words_is_read_or_not_but_never_fails(text: str) -> None:
    found = parse_date(text)
    assert found is None or 1899 <= found.year <= 2201


def test_letters_are_folded() -> None:
    assert fold("كانونُ الثّاني ۵") == fold("کانون الثاني 5")
