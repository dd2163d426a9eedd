"""Fit the weights of the language model: `python -m bench.text_fit labelled.jsonl` writes `streams/text/_weights.py`.

A line is `{"text": …, "lang": …, "weight": 1}`. Needs numpy and scipy, which nothing else of the project does. What it
was last fitted on, and why so little is enough, is in docs/decisions/0061.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from streams.text import loglinear
from streams.text.evidence import evidence_by_script
from streams.text.ngrams import Cld2Model, EldcModel
from streams.text.sample import sample_of, without_names
from streams.text.scripts import letters_by_script

WEIGHTS = Path(loglinear.__file__).with_name("_weights.py")
SAME = {"latin": {"sr": "hr", "bs": "hr", "id": "ms"}, "cyrillic": {"uz": "uz-Cyrl"}, "arabic": {"ku": "ku-Arab"}}
"""Standards that `neighbours.standard_of` tells apart afterwards."""
START_PENALTY, FEATURE_PENALTY = 0.02, 1e-4
EASY = 0.1
"""Weight, in the second fit, of a text that the first was sure of."""


def prepare(script: str, rows: list[dict[str, Any]]) -> tuple[list[str], Any, Any, Any]:
    """Return languages, features [text, language, feature], labels and weights of the texts in one script."""
    evidence = evidence_by_script()[script]
    languages = [*sorted(evidence.alphabets), "und"]
    blank = ({name: 0.0 for name in loglinear.FEATURES}, {code: 0.0 for code in languages})
    model = loglinear.LanguageModel(script, evidence, blank, blank)
    eldc, cld2 = EldcModel(), Cld2Model()
    xs, ys, weights = [], [], []
    for row in rows:
        sample = sample_of(row["text"], "")
        by_script = letters_by_script(sample)
        if not by_script or max(by_script, key=by_script.__getitem__) != script:
            continue
        language = SAME.get(script, {}).get(row["lang"], row["lang"])
        if language not in languages:
            continue
        if "İ" in sample:
            sample = sample.replace("I", "ı").replace("İ", "i")
        lower, letters = sample.lower(), int(by_script[script])
        plain = without_names(sample) if script in ("latin", "cyrillic") else lower
        scores, second, weighed = eldc.scores(script, sample), cld2.scores(script, sample), evidence.weigh(lower)
        xs.append([model.features(code, scores, weighed, plain, letters, second) for code in languages])
        ys.append(languages.index(language))
        weights.append(row.get("weight", 1.0))
    return languages, np.array(xs), np.array(ys), np.array(weights) / np.mean(weights)


def train(xs: Any, ys: Any, weights: Any) -> Any:
    """Return feature weights followed by start values: multinomial logistic regression with a ridge."""
    count, languages, features = xs.shape
    rows = np.arange(count)

    def loss(p: Any) -> tuple[float, Any]:
        probabilities = predict(xs, p)
        error = probabilities.copy()
        error[rows, ys] -= 1
        error *= weights[:, None] / count
        start = p[features:]
        value = -(weights * np.log(probabilities[rows, ys] + 1e-12)).mean()
        value += START_PENALTY * (start @ start) / languages + FEATURE_PENALTY * (p[:features] @ p[:features])
        slope = np.concatenate(
            [
                np.einsum("nk,nkf->f", error, xs) + 2 * FEATURE_PENALTY * p[:features],
                error.sum(0) + 2 * START_PENALTY * start / languages,
            ]
        )
        return value, slope

    return minimize(loss, np.zeros(features + languages), jac=True, method="L-BFGS-B", options={"maxiter": 600}).x


def predict(xs: Any, p: Any) -> Any:
    """Return probabilities [text, language]."""
    z = xs @ p[: xs.shape[2]] + p[xs.shape[2] :]
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _without_second(xs: Any) -> Any:
    blind = xs.copy()
    blind[:, :, -2:] = 0
    return blind


def main(paths: list[str]) -> None:
    """Fit all scripts on the texts of `paths` and write the weights."""
    rows = [json.loads(line) for path in paths for line in Path(path).read_text("utf-8").splitlines()]
    tables: dict[str, dict[str, tuple[dict[str, float], dict[str, float]]]] = {"FIRST": {}, "SECOND": {}}
    for script in evidence_by_script():
        languages, xs, ys, weights = prepare(script, rows)
        blind = _without_second(xs)
        first = train(blind, ys, weights)
        sure = predict(blind, first)
        in_doubt = sure.max(1) < 0.9
        adjusted = weights * np.where(in_doubt, 1, EASY)
        second = train(xs, ys, adjusted / adjusted.mean())
        both = np.where(in_doubt[:, None], predict(xs, second), sure)
        wrong = both.argmax(1) != ys
        print(f"{script}: {len(ys)} texts, {in_doubt.mean():.1%} in doubt, {wrong.mean():.2%} wrong", file=sys.stderr)
        pairs = Counter((languages[ys[i]], languages[both[i].argmax()]) for i in np.flatnonzero(wrong))
        print("  ", pairs.most_common(12), file=sys.stderr)
        for name, p in (("FIRST", first), ("SECOND", second)):
            values = [round(float(value), 2) for value in p]
            cut = len(loglinear.FEATURES)
            tables[name][script] = (
                dict(zip(loglinear.FEATURES, values[:cut], strict=True)),
                dict(zip(languages, values[cut:], strict=True)),
            )
    WEIGHTS.write_text(_source(tables), "utf-8")


def _source(tables: dict[str, dict[str, tuple[dict[str, float], dict[str, float]]]]) -> str:
    kind = "dict[str, tuple[dict[str, float], dict[str, float]]]"
    text = '"""Weights of the language model, fitted by `bench/text_fit.py`; docs/decisions/0061. Do not edit."""\n'
    text += "\nfrom __future__ import annotations\n"
    notes = {
        "FIRST": "By script: the weight of each feature, and what each language starts with.",
        "SECOND": "The same where pycld2 was asked as well, because the first answer was in doubt.",
    }
    for name, table in tables.items():
        text += f"\n{name}: {kind} = {{\n"
        for script, (features, start) in table.items():
            text += f'    "{script}": (\n{_lines(features)}{_lines(start)}    ),\n'
        text += f'}}  # fmt: skip\n"""{notes[name]}"""\n'
    return text


def _lines(values: dict[str, float]) -> str:
    lines, line = [], ""
    for key, value in values.items():
        item = f'"{key}": {value}, '
        if len(line) + len(item) > 105:
            lines.append(line.rstrip())
            line = ""
        line += item
    lines.append(line.rstrip())
    return "        {\n" + "".join(f"            {line}\n" for line in lines) + "        },\n"


if __name__ == "__main__":
    main(sys.argv[1:])
