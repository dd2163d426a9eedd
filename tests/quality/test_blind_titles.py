"""Languages of 475 titles that nobody tuned on, against the floors: shorter than those of the corpus, many of two to five words."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from streams.text.language import default_identifier
from tests.quality.floors import hold

ROWS = [json.loads(line) for line in (Path(__file__).parent / "blind_titles.jsonl").read_text("utf-8").splitlines()]


def test_languages_of_unread_titles_against_the_floors() -> None:
    identifier = default_identifier()
    found = [(row["lang"], identifier.identify(row["text"]).code, row) for row in ROWS]
    right, given, labelled = Counter[str](), Counter[str](), Counter[str]()
    for lang, code, row in found:
        right[lang] += code == lang
        given[code] += 1
        labelled[lang] += 1
        if code != lang:
            print(f"  {lang} taken for {code}: {len(row['text'])} letters")
    f1 = {lang: 2 * right[lang] / (labelled[lang] + given[lang]) for lang in labelled}
    assert len(f1) == 19 and set(labelled.values()) == {25}
    persian = [lang == code for lang, code, row in found if row.get("arabic_letters")]
    assert len(persian) >= 9
    figures = {
        "macro_f1_19_languages": sum(f1.values()) / len(f1),
        "persian_with_arabic_letters": sum(persian) / len(persian),
    }
    hold("language/titles_blind", figures)
