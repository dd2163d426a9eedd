"""The doors that other rooms come in by."""

from __future__ import annotations

from streams.text.document import Document
from streams.text.fold import fold
from streams.text.language import default_identifier
from streams.text.tokens import variants


def test_a_document_gives_tokens_offsets_and_keys() -> None:
    document = Document.of("والتطبيعُ مع سـوريا", "Erdoğan'ın ziyareti", "ar")
    assert document.title.terms == ["والتطبيع", "مع", "سوريا"]
    tokens = document.title
    assert tokens.text[tokens.starts[2] : tokens.ends[2]] == "سـوريا"
    assert {"تطبيع", "والتطبيع", "erdogan"} <= set(document.index_terms())


def test_language_and_fold_and_variants_answer() -> None:
    assert default_identifier().identify("وزیر خارجه ترکیه با همتای سوری خود دیدار کرد").code == "fa"
    assert fold("İSTANBUL IRAK") == "istanbul irak"
    assert "erdogan" in variants("erdogan'in", "tr")
