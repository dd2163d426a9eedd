"""The sample that speaks for an article: prose, whatever stands around it."""

from __future__ import annotations

import pytest

from streams.text.sample import clean, sample_of

PROSE = "Dışişleri Bakanı, Moskova'da yapılan dörtlü toplantının ardından gazetecilerin sorularını yanıtladı ve sürecin süreceğini söyledi."


@pytest.mark.parametrize(
    "line",
    [
        "Bu site, size daha iyi hizmet verebilmek için çerez kullanmaktadır ve ayrıntılar aşağıda yer almaktadır, lütfen okuyunuz",
        "GİZLİLİK POLİTİKASI VE KULLANIM KOŞULLARI HAKKINDA DAHA FAZLA BİLGİ ALMAK İÇİN BURAYA TIKLAYABİLİRSİNİZ, LÜTFEN OKUYUNUZ",
        "We value your PRIVACY and use technologies to store and access information on a device, such as unique identifiers",
        "© 2023 Example Media Group and its licensors, no part of this page may be used without a written permission of the owner",
    ],
)
def test_boilerplate_is_left_out_where_there_is_prose(line: str) -> None:
    text = f"{line}\n{PROSE}\n{PROSE[:70]} ve başka bir cümle daha.\n{line} .\nAna sayfa"
    assert line not in sample_of(text, "")
    assert PROSE in sample_of(text, "")


def test_a_page_of_nothing_else_is_taken_as_it_is() -> None:
    line = (
        "Subscribe to our newsletter and never miss a story of those that matter to you, wherever you are in the world"
    )
    assert line in sample_of("\n".join([line, line + "!", "Home", "About us", "Contact"]), "")


def test_the_longest_lines_speak_and_one_alone_with_three_parts() -> None:
    short = [f"Kısa satır {number}" for number in range(8)]
    long = "Bir cümle daha yazıldı. " * 60
    alone = sample_of("\n".join([*short, long]), "")
    both = sample_of("\n".join([*short, long, long.replace("Bir", "İki")]), "")
    assert len(alone) > 590 and "İki" not in alone
    assert "Bir" in both and "İki" in both and len(both) > 590


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("read https://example.com/a?b=c now", "read   now"),
        ("mail a.b@example.org, please", "mail   please"),
        ("@handle says &amp; goes", "  says   goes"),
        ("www.BBC.com\tand U.S. law", " \tand U.S. law"),
        ("see example.co.uk/path. And so on", "see   And so on"),
        ("<a href='x y'>link</a> and more", " link  and more"),
        ("nothing. To. Clean", "nothing. To. Clean"),
        ("x.com", " "),
    ],
)
def test_addresses_and_marks_are_blanked(text: str, expected: str) -> None:
    assert clean(text) == expected
