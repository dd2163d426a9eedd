"""The shipped entities: enough of them, well formed, and each recognized by every name that its definition has."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from agent.config_files import Faults, load_list, yaml_files
from streams.definitions import EntityDefinition
from streams.entities import EntityRecognizer
from streams.entities.countries import LANGUAGES, with_cldr_names
from streams.text.document import Document

CONFIG = Path(__file__).parents[3] / "config" / "entities"
OF_THE_AFFAIR = {
    "sergei-shoigu", "hulusi-akar", "sergei-lavrov", "mevlut-cavusoglu", "bashar-al-assad", "recep-tayyip-erdogan", "faisal-mekdad",
    "hossein-amir-abdollahian", "mohammad-reza-ashtiani", "ali-mahmoud-abbas", "ali-mamlouk", "hakan-fidan", "ebrahim-raisi",
    "vladimir-putin", "syria", "turkey", "russia", "iran", "m4-highway", "damascus", "ankara", "moscow", "idlib", "pkk", "ypg",
    "syrian-democratic-forces", "hayat-tahrir-al-sham", "islamic-state", "united-nations", "european-union", "nato", "sana", "tass",
}  # fmt: skip


@cache
def definitions() -> tuple[EntityDefinition, ...]:
    faults = Faults()
    found = tuple(
        entity for path in yaml_files(CONFIG) for entity, _ in load_list(path, EntityDefinition, faults, key="entities")
    )
    faults.check()
    return found


@cache
def recognizer() -> EntityRecognizer:
    return EntityRecognizer(definitions())


def test_there_are_enough_of_every_kind() -> None:
    kinds = Counter(entity.kind for entity in definitions())
    assert len(definitions()) >= 1_200
    assert sum(kinds.values()) - kinds["country"] >= 600
    assert kinds["person"] >= 400
    assert min(kinds.values()) >= 5


def test_ids_are_unique_and_the_affair_is_there() -> None:
    ids = [entity.id for entity in definitions()]
    assert len(set(ids)) == len(ids)
    assert set(ids) >= OF_THE_AFFAIR


def test_every_entity_has_an_english_name_and_a_country_of_ours() -> None:
    countries = {entity.country for entity in definitions() if entity.kind == "country"}
    for entity in definitions():
        assert entity.names.get("en"), entity.id
        assert entity.country is None or entity.country in countries, entity.id


def test_what_is_near_an_entity_is_an_entity_or_a_word_of_it() -> None:
    ids = {entity.id for entity in definitions()}
    for entity in definitions():
        slugs = [word for word in entity.near if word.isascii() and word.islower() and "-" in word]
        assert not [slug for slug in slugs if slug not in ids], entity.id


def test_every_listed_name_is_recognized_alone() -> None:
    """Among a thousand others, in its language; a witness stands by where the definition asks for one."""
    missed = []
    total = 0
    for entity in definitions():
        for language, names in entity.names.items():
            for name in names:
                total += 1
                witness = _witness(entity, language)
                labels = recognizer().recognize(Document.of("", f"{name}\n\n{witness}", language))
                if not any(label.id == entity.id and label.mentions[0].start <= 2 for label in labels):
                    missed.append(f"{entity.id} {language}: {name}")
    assert len(missed) <= total * 0.01, "\n".join(missed)


def _witness(entity: EntityDefinition, language: str) -> str:
    by_id = {known.id: known for known in definitions()}
    near = [by_id[word] for word in entity.near if word in by_id]
    if entity.country is not None and entity.kind != "country":
        near += [known for known in definitions() if known.kind == "country" and known.country == entity.country]
    words = [word for word in entity.near if word not in by_id]
    for known in near:
        names = with_cldr_names(known).names
        words += [*names.get(language, ()), *names.get("en", ())]
    return " / ".join(words)


@pytest.mark.parametrize("language", ["ar", "fa", "tr", "ru", "ckb", "he", "ur", "uk", "en"])
def test_cldr_names_every_country(language: str) -> None:
    assert language in LANGUAGES
    for entity in definitions():
        if entity.kind == "country":
            assert with_cldr_names(entity).names.get(language), entity.id


@pytest.mark.parametrize(
    ("text", "language", "absent"),
    [
        ("أعلن الأمير محمد بن سلمان بن عبد العزيز عن المشروع في السعودية", "ar", "salman-bin-abdulaziz"),
        ("لم يتم إعلام البرلمان بسفر وفد إلى تركيا", "ar", "bosphorus"),
        ("أهديت زوجي للوطن وأم الشهيد في تونس", "ar", "wam"),
        ("خرجت مسيرة سلمية في تونس", "ar", "salamiyah"),
        ("در بین استان‌های کشور و با حضور وزیر خارجه روسیه", "fa", "astana"),
        ("کودکان ناتوان از خود دفاع نمی‌کنند", "fa", "nato"),
        ("حضرت آیت الله خامنه‌ای در دیدار مردم ایران", "fa", "ruhollah-khomeini"),
    ],
)
def test_words_that_only_look_like_a_name(text: str, language: str, absent: str) -> None:
    found = {label.id for label in recognizer().recognize(Document.of("", text, language))}
    assert absent not in found, found
