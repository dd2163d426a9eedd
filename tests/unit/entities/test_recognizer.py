"""What the recognizer finds, where, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.definitions import EntityDefinition
from streams.entities import EntityRecognizer
from streams.text.document import Document


def person(id_: str, en: str, ar: str, country: str | None = None, **more: object) -> EntityDefinition:
    return EntityDefinition(id=id_, kind="person", names={"en": (en,), "ar": (ar,)}, country=country, **more)  # type: ignore[arg-type]


DEFINITIONS = [
    person("sergei-shoigu", "Sergei Shoigu", "سيرغي شويغو", "RU"),
    person("sergei-lavrov", "Sergei Lavrov", "سيرغي لافروف", "RU"),
    person("hulusi-akar", "Hulusi Akar", "خلوصي أكار", "TR"),
    person("hakan-fidan", "Hakan Fidan", "هاكان فيدان", "TR"),
    person("recep-tayyip-erdogan", "Recep Tayyip Erdogan", "رجب طيب أردوغان", "TR"),
    person("mevlut-cavusoglu", "Mevlut Cavusoglu", "مولود تشاووش أوغلو", "TR"),
    person("bashar-al-assad", "Bashar al-Assad", "بشار الأسد", "SY", not_names=("Lake Assad", "بحيرة الأسد")),
    person("hossein-amir-abdollahian", "Hossein Amir-Abdollahian", "حسين أمير عبد اللهيان", "IR"),
    person("ali-mahmoud-abbas", "Ali Mahmoud Abbas", "علي محمود عباس", "SY"),
    person("mahmoud-abbas", "Mahmoud Abbas", "محمود عباس", "PS"),
    person("mohammed-bin-salman", "Mohammed bin Salman", "محمد بن سلمان", "SA"),
    EntityDefinition(
        id="syria",
        kind="country",
        country="SY",
        names={"en": ("Syria",), "ar": ("سوريا",)},
        demonyms={"en": ("Syrian",), "ar": ("سوري",), "ru": ("сирийский", "сириец"), "he": ("סורי",), "tr": ("Suriyeli",)},
    ),
    EntityDefinition(
        id="turkey",
        kind="country",
        country="TR",
        names={"en": ("Turkey",)},
        demonyms={"en": ("Turkish", "Turk"), "tr": ("Türk",)},
    ),
    EntityDefinition(id="jordan", kind="country", country="JO", names={"en": ("Jordan",)}, near=("Amman", "syria")),
    EntityDefinition(
        id="damascus", kind="place", names={"en": ("Damascus",), "ar": ("دمشق",), "tr": ("Şam",), "ru": ("Дамаск",)}
    ),
    EntityDefinition(id="al-bab", kind="place", names={"en": ("al-Bab",)}),
    EntityDefinition(
        id="syrian-democratic-forces",
        kind="armed-group",
        names={
            "en": ("Syrian Democratic Forces", "SDF"),
            "ru": ("Сирийские демократические силы",),
            "ar": ("قوات سوريا الديمقراطية", "قسد"),
            "tr": ("Suriye Demokratik Güçleri",),
        },
    ),
    EntityDefinition(
        id="hezbollah", kind="armed-group", names={"en": ("Hezbollah",), "ar": ("حزب الله",), "fa": ("حزب\u200cالله",)}
    ),
    EntityDefinition(
        id="united-nations", kind="organisation", names={"en": ("United Nations", "UN"), "he": ('האו"ם', "האומות המאוחדות")}
    ),
    EntityDefinition(id="m4-highway", kind="place", names={"en": ("M4 highway",), "ar": ("طريق M4",)}),
]  # fmt: skip


@pytest.fixture(scope="module")
def recognizer() -> EntityRecognizer:
    return EntityRecognizer(DEFINITIONS)


def found(recognizer: EntityRecognizer, text: str, language: str, title: str = "") -> dict[str, list[str]]:
    labels = recognizer.recognize(Document.of(title, text, language))
    return {
        label.id: [(title if span.field == "title" else text)[span.start : span.end] for span in label.mentions]
        for label in labels
    }


SPELLINGS = [
    ("ar", "sergei-shoigu", ["سيرجي شويجو", "وسيرغي شويغو", "لسيرغي شويغو"]),
    ("fa", "sergei-shoigu", ["سرگئی شویگو", "سرگئي شويگو"]),
    ("tr", "sergei-shoigu", ["Sergey Şoygu", "Sergey Şoygu'nun"]),
    ("ru", "sergei-shoigu", ["Сергей Шойгу", "Сергеем Шойгу", "Сергеем Кужугетовичем Шойгу"]),
    ("ckb", "sergei-shoigu", ["سێرگی شۆیگۆ", "سێرگێی شویگۆیش"]),
    ("he", "sergei-shoigu", ["סרגיי שויגו", "לסרגיי שויגו"]),
    ("ur", "sergei-shoigu", ["سرگئی شوئیگو"]),
    ("fa", "hulusi-akar", ["خلوصی آکار"]),
    ("ru", "hulusi-akar", ["Хулуси Акара", "Хулуси Акаром"]),
    ("he", "hulusi-akar", ["חולוסי אקאר"]),
    ("ar", "mevlut-cavusoglu", ["مولود جاويش أوغلو", "مولود تشاووش أوغلو"]),
    ("fa", "mevlut-cavusoglu", ["مولود چاووش\u200cاوغلو", "مولود چاووش اوغلو", "مولود چاووشاوغلو"]),
    ("tr", "mevlut-cavusoglu", ["Mevlüt Çavuşoğlu", "Mevlüt Çavuşoğlu'na"]),
    ("ru", "mevlut-cavusoglu", ["Мевлют Чавушоглу"]),
    ("ar", "recep-tayyip-erdogan", ["رجب طيب إردوغان", "رجب أردوغان"]),
    ("he", "recep-tayyip-erdogan", ["רג'פ טאיפ ארדואן"]),
    ("ckb", "recep-tayyip-erdogan", ["ڕەجەب تەیب ئەردۆغان"]),
    ("fa", "hossein-amir-abdollahian", ["حسین امیرعبداللهیان", "حسین امیر عبداللهیان"]),
    ("tr", "hossein-amir-abdollahian", ["Hüseyin Emir Abdullahiyan"]),
    ("ru", "bashar-al-assad", ["Башар Асад", "Башаром аль-Асадом"]),
    ("tr", "bashar-al-assad", ["Beşar Esad", "Beşşar el-Esad'ın"]),
    ("he", "bashar-al-assad", ["בשאר אל-אסד", "בשאר אסד"]),
    ("ru", "mohammed-bin-salman", ["Мухаммед бен Салман", "Мухаммедом бин Сальманом"]),
]


@pytest.mark.parametrize(("language", "entity", "spellings"), SPELLINGS)
def test_unseen_spellings_are_recognized(
    recognizer: EntityRecognizer, language: str, entity: str, spellings: Sequence[str]
) -> None:
    for spelling in spellings:
        assert found(recognizer, spelling, language) == {entity: [spelling]}


def test_a_mention_is_a_span_of_code_points(recognizer: EntityRecognizer) -> None:
    text = "💬 لقاء: سيرغي شويغو، ثم وسوريا"
    labels = recognizer.recognize(Document.of("💬 Syria", text, "ar"))
    by_id = {label.id: label for label in labels}
    (shoigu,) = by_id["sergei-shoigu"].mentions
    assert (shoigu.field, text[shoigu.start : shoigu.end]) == ("text", "سيرغي شويغو")
    first, second = by_id["syria"].mentions
    assert (first.field, first.start, first.end) == ("title", 2, 7)
    assert text[second.start : second.end] == "وسوريا"
    assert by_id["syria"].kind == "country"


def test_entities_come_in_order_of_first_mention(recognizer: EntityRecognizer) -> None:
    assert list(found(recognizer, "Sergei Lavrov in Damascus, then Syria", "en", title="Turkey waits")) == [
        "turkey",
        "sergei-lavrov",
        "damascus",
        "syria",
    ]


def test_a_surname_counts_after_the_full_name(recognizer: EntityRecognizer) -> None:
    text = "Hulusi Akar ile görüştü. Akar'ın açıklaması, Fidan'ın sözleri ve Hakan Fidan."
    assert found(recognizer, text, "tr") == {
        "hulusi-akar": ["Hulusi Akar", "Akar'ın"],
        "hakan-fidan": ["Fidan'ın", "Hakan Fidan"],
    }
    assert found(recognizer, "Su akar. Akar su. Fidan diktiler.", "tr") == {}


def test_in_a_script_without_capitals_the_surname_must_be_spelled_as_the_full_name_is(
    recognizer: EntityRecognizer,
) -> None:
    text = "التقى خلوصي أكار نظيره. وقال أكار إن كار آخر ينتظر."
    assert found(recognizer, text, "ar") == {"hulusi-akar": ["خلوصي أكار", "أكار"]}


def test_a_long_surname_counts_alone(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "Вчера Лавров прибыл. С Лавровым говорили.", "ru") == {
        "sergei-lavrov": ["Лавров", "Лавровым"]
    }


def test_a_surname_of_somebody_else_does_not_count(recognizer: EntityRecognizer) -> None:
    assert "bashar-al-assad" not in found(recognizer, "Syria: Maher al-Assad and Rifaat Assad met.", "en")
    assert "bashar-al-assad" not in found(recognizer, "في سوريا قال ماهر الأسد", "ar")


def test_a_role_is_a_witness_for_the_name_behind_it() -> None:
    akar = EntityDefinition(
        id="hulusi-akar",
        kind="person",
        names={"en": ("Hulusi Akar",), "ar": ("خلوصي أكار",), "tr": ("Hulusi Akar",)},
        roles={"ar": ("وزير الدفاع التركي",), "tr": ("Savunma Bakanı",)},
    )
    own = EntityRecognizer([akar])
    assert found(own, "قال وزير الدفاع التركي أكار إن القوات باقية", "ar") == {"hulusi-akar": ["أكار"]}
    assert found(own, "ووزير الدفاع التركي أكار", "ar") == {"hulusi-akar": ["أكار"]}
    assert found(own, "قال وزير المالية أكار إن القوات باقية", "ar") == {}
    assert found(own, "Milli Savunma Bakanı Akar konuştu", "tr") == {"hulusi-akar": ["Akar"]}
    assert found(own, "Su akar, Akar konuştu", "tr") == {}


def test_the_longest_name_wins(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "Ali Mahmoud Abbas spoke.", "en") == {"ali-mahmoud-abbas": ["Ali Mahmoud Abbas"]}
    assert found(recognizer, "Mahmoud Abbas spoke.", "en") == {"mahmoud-abbas": ["Mahmoud Abbas"]}
    assert found(recognizer, "the Syrian Democratic Forces", "en") == {
        "syrian-democratic-forces": ["Syrian Democratic Forces"]
    }


def test_what_is_not_the_entity_hides_it(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "Bashar al-Assad swam in Lake Assad.", "en") == {"bashar-al-assad": ["Bashar al-Assad"]}
    assert found(recognizer, "قرب بحيرة الأسد في سوريا", "ar") == {"syria": ["سوريا"]}


def test_an_ambiguous_name_needs_a_witness(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "He played like Jordan last night.", "en") == {}
    assert found(recognizer, "Officials in Amman said Jordan would wait.", "en") == {"jordan": ["Jordan"]}
    assert "jordan" in found(recognizer, "Jordan and Syria opened the border.", "en")


def test_an_american_town_is_no_namesake(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "an auction in Syria, Ohio, drew bidders", "en") == {}
    assert found(recognizer, "from Syria, Turkey and Ohio", "en").keys() == {"syria", "turkey"}


def test_case_tells_names_from_words(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "they ate turkey and met the un-named", "en") == {}
    assert found(recognizer, "Turkey and the UN met", "en").keys() == {"turkey", "united-nations"}
    assert found(recognizer, "Un rapport", "fr") == {}


def test_states_are_named_by_their_adjectives_too(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "القوات السورية والسوريون", "ar") == {"syria": ["السورية", "والسوريون"]}
    assert found(recognizer, "сирийской армии, сирийцами", "ru") == {"syria": ["сирийской", "сирийцами"]}
    assert found(recognizer, "השר הסורי והצבא הסורית", "he") == {"syria": ["הסורי", "הסורית"]}
    assert found(recognizer, "Suriyelilerin, Türk askeri", "tr") == {"syria": ["Suriyelilerin"], "turkey": ["Türk"]}


def test_countries_have_their_names_from_cldr(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "في تركيا", "ar") == {"turkey": ["تركيا"]}
    assert found(recognizer, "میان ترکیه و سوریه", "fa") == {"turkey": ["ترکیه"], "syria": ["سوریه"]}
    assert found(recognizer, "Сирия и Турцию", "ru") == {"syria": ["Сирия"], "turkey": ["Турцию"]}
    assert found(recognizer, "في التركية الفصحى", "ar") == {}, "ترکیه is Turkey in Persian, an adjective in Arabic"


def test_a_name_of_one_language_is_not_met_in_another(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "Şam'da görüşme", "tr") == {"damascus": ["Şam'da"]}
    assert found(recognizer, "Sam said so, and the baba came", "en") == {}
    assert found(recognizer, "Bab", "en") == {}
    assert found(recognizer, "near al-Bab", "en") == {"al-bab": ["al-Bab"]}


def test_translated_names_are_met_in_their_cases(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "с Сирийскими демократическими силами", "ru") == {
        "syrian-democratic-forces": ["Сирийскими демократическими силами"]
    }
    assert found(recognizer, "Suriye Demokratik Güçleri'nin", "tr") == {
        "syrian-democratic-forces": ["Suriye Demokratik Güçleri'nin"]
    }
    assert found(recognizer, 'ולאומות המאוחדות, באו"ם', "he") == {"united-nations": ["ולאומות המאוחדות", 'באו"ם']}
    assert found(recognizer, "לאום אחר", "he") == {}


def test_a_name_does_not_run_over_the_end_of_a_sentence(recognizer: EntityRecognizer) -> None:
    assert "sergei-shoigu" not in found(recognizer, "I met Sergei. Shoigu Street is long.", "en")
    assert found(recognizer, "حزب. الله أعلم", "ar") == {}


def test_numbers_in_names(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "reopen the M4 highway", "en") == {"m4-highway": ["M4 highway"]}
    assert found(recognizer, "فتح طريق M4 غدا", "ar") == {"m4-highway": ["طريق M4"]}


def test_a_hundred_stops_and_function_words_are_no_name(recognizer: EntityRecognizer) -> None:
    assert found(recognizer, "إلى على من لم قبل خلال بعد عند كان وقال لقاء شعار كامل", "ar") == {}
    assert found(recognizer, "از به با برای این آن هر دو کار خاک برق", "fa") == {}


def test_nothing_is_defined() -> None:
    assert EntityRecognizer([]).recognize(Document.of("Syria", "Sergei Shoigu", "en")) == ()


@given(
    st.text(max_size=200),
    st.text(max_size=40),
    st.sampled_from(["ar", "fa", "ckb", "he", "ru", "tr", "en", "und", "zh"]),
)
def test_any_text_gives_valid_spans_that_do_not_overlap(text: str, title: str, language: str) -> None:
    check_spans(text, title, language)


_PIECES = [
    "سيرغي",
    "شويغو",
    "الأسد",
    " al-",
    "Assad",
    "Bashar ",
    "\u200c",
    "چاووش",
    "اوغلو",
    ". ",
    "،",
    "Сергей ",
    "Шойгу",
    "'",
    "أ",
    " ",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=14).map("".join), st.sampled_from(["ar", "fa", "ru", "en", "und"]))
def test_mixed_pieces_of_names_give_valid_spans(text: str, language: str) -> None:
    check_spans(text, "", language)


_SHARED = EntityRecognizer(DEFINITIONS)


def check_spans(text: str, title: str, language: str) -> None:
    taken: set[tuple[str, int]] = set()
    for label in _SHARED.recognize(Document.of(title, text, language)):
        assert label.mentions
        for span in label.mentions:
            whole = title if span.field == "title" else text
            assert 0 <= span.start < span.end <= len(whole)
            covered = {(span.field, position) for position in range(span.start, span.end)}
            assert taken.isdisjoint(covered)
            taken |= covered


def test_the_same_article_gives_the_same_answer_whatever_came_before() -> None:
    texts = [("Sergei Shoigu met Akar", "en"), ("وقال أكار", "ar"), ("Хулуси Акар", "ru"), ("SHOIGU AND AKAR", "en")]
    fresh = [found(EntityRecognizer(DEFINITIONS), text, language) for text, language in texts]
    used = EntityRecognizer(DEFINITIONS)
    assert [found(used, text, language) for text, language in [*texts, *texts]] == [*fresh, *fresh]


def test_what_is_remembered_is_bounded_and_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.entities.vocabulary.CACHE_WORDS", 5)
    monkeypatch.setattr("streams.entities.vocabulary.CACHE_METS", 2)
    small = EntityRecognizer(DEFINITIONS)
    text = "Sergei Shoigu met Hulusi Akar in Damascus while Sergei Lavrov stayed; Akar said Syria and Turkey agree."
    expected = found(EntityRecognizer(DEFINITIONS), text, "en")
    for _ in range(3):
        assert found(small, text, "en") == expected
    assert len(small._scanner._vocabulary.of("other")) <= 5
