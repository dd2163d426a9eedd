"""Any text at all: no crash, places that are in it, nothing said twice, and the same answer every time."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.attribution import AttributionFinder
from streams.definitions import SourceDefinition
from streams.model import RawArticle
from streams.text.document import Document

FINDER = AttributionFinder(
    [
        SourceDefinition(
            id="reuters", kind="agency", names={"en": ("Reuters",), "ar": ("رويترز",)}, not_names=("Reuters Institute",)
        ),
        SourceDefinition(id="anadolu", kind="agency", names={"tr": ("AA", "Anadolu")}, ambiguous=("Anadolu",)),
        SourceDefinition(id="mehr", kind="agency", names={"fa": ("مهر",)}, ambiguous=("مهر",)),
        SourceDefinition(id="sana", kind="agency", names={"he": ('סאנ"א',), "ru": ("САНА",)}),
    ]
)
WORDS = (
    "Reuters رويترز AA'ya Anadolu مهر «مهر» САНА סאנ\"א (Reuters) Institute according to citing source: المصدر: به گزارش نقل از"
    ' وكالة agency خبرگزاری göre haberine сообщает со ссылкой на לפי סוכנות کے مطابق \n . , ، : - — ( ) « » " | 12 که نیوز Press'
).split(" ")
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))


@given(
    title=TEXTS,
    text=TEXTS,
    language=st.sampled_from(["ar", "fa", "tr", "ru", "he", "en", "ur", "ckb", "und", "zh-Hant", "de"]),
    source_id=st.sampled_from([None, "reuters", "nobody"]),
    name=st.one_of(st.none(), st.text(max_size=20)),
)
@settings(max_examples=300, deadline=None)
def test_any_text(title: str, text: str, language: str, source_id: str | None, name: str | None) -> None:
    article = RawArticle(
        article_id="0" * 32,
        title=title,
        text=text,
        source_id=source_id,
        source_name=name,
        collected_at=datetime(2023, 1, 1, tzinfo=UTC),
    )
    document = Document.of(title, text, language)
    found = FINDER.find(document, article)
    assert found == FINDER.find(document, article)
    assert len(found) <= 12
    numbers = [step.chain for step in found]
    assert numbers == sorted(numbers) and set(numbers) == set(range(len(set(numbers))))
    sources = [step.source_id for step in found if step.source_id]
    assert len(sources) == len(set(sources)) and source_id not in sources
    for step in found:
        assert step.span is not None and step.name.strip()
        assert getattr(article, step.span.field)[step.span.start : step.span.end] == step.name
