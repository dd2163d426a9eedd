"""Weights of the language model, fitted by `bench/text_fit.py`; docs/decisions/0061. Do not edit."""

from __future__ import annotations

FIRST: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "arabic": (
        {
            "score": 2.64, "gap_by_length": 3.08, "top_if_unmodelled": -0.43, "words_by_root": 1.52,
            "marks_by_root": 1.79, "words": 2.99, "marks": 3.47, "und_always": 0.01, "und_top": -1.01,
            "und_length": -0.31, "weakness": -1.34, "weakness_by_length": -3.62, "foreign_letters": -1.93,
            "any_foreign_letter": -1.86, "second_opinion": 0.0, "second_opinion_first": 0.0,
        },
        {
            "ar": -0.17, "azb": -0.23, "ckb": -0.01, "fa": 0.35, "ku-Arab": -0.33, "ps": 0.36, "sd": -0.29,
            "ug": 0.43, "ur": -0.12, "und": 0.0,
        },
    ),
    "latin": (
        {
            "score": 4.55, "gap_by_length": 5.7, "top_if_unmodelled": -1.45, "words_by_root": 2.32,
            "marks_by_root": 1.45, "words": 2.61, "marks": 1.78, "und_always": 0.48, "und_top": -1.26,
            "und_length": -0.54, "weakness": -0.57, "weakness_by_length": -1.54, "foreign_letters": -2.64,
            "any_foreign_letter": -2.2, "second_opinion": 0.0, "second_opinion_first": 0.0,
        },
        {
            "af": 0.35, "az": 0.16, "ca": -0.5, "cs": -0.04, "cy": 0.52, "da": 0.57, "de": 0.65, "en": -0.65,
            "es": -0.69, "et": 0.49, "eu": 0.26, "fi": 0.45, "fr": 0.46, "ga": -0.02, "gl": 0.6, "ha": 0.02,
            "hr": 0.05, "hu": 0.07, "is": 0.06, "it": -0.46, "ku": 0.21, "lb": -1.04, "lt": 0.11, "lv": 0.16,
            "ms": 0.17, "mt": -0.98, "nl": -1.72, "no": 0.45, "pl": 0.09, "pt": -1.22, "ro": -0.46, "sk": 0.06,
            "sl": 0.35, "so": 0.12, "sq": -0.04, "sv": 0.18, "sw": 0.16, "tk": 0.02, "tl": -0.02, "tr": 0.38,
            "uz": 0.33, "vi": 0.28, "yo": -0.13, "und": 0.2,
        },
    ),
    "cyrillic": (
        {
            "score": 4.47, "gap_by_length": 12.2, "top_if_unmodelled": 0.11, "words_by_root": 1.77,
            "marks_by_root": 0.36, "words": 3.61, "marks": 1.6, "und_always": 0.31, "und_top": -0.62,
            "und_length": -0.85, "weakness": -1.74, "weakness_by_length": -7.25, "foreign_letters": -2.58,
            "any_foreign_letter": -2.41, "second_opinion": 0.0, "second_opinion_first": 0.0,
        },
        {
            "be": -0.14, "bg": 0.81, "kk": -0.82, "ky": 0.21, "mk": 1.28, "mn": 0.54, "ru": 0.24, "sr": -1.0,
            "tg": 0.43, "tt": -0.91, "uk": 0.04, "uz-Cyrl": -0.71, "und": 0.02,
        },
    ),
    "hebrew": (
        {
            "score": 0.0, "gap_by_length": 0.0, "top_if_unmodelled": 0.0, "words_by_root": 1.58,
            "marks_by_root": 2.74, "words": 3.97, "marks": 5.67, "und_always": -0.41, "und_top": 0.0,
            "und_length": -1.33, "weakness": 0.0, "weakness_by_length": 0.0, "foreign_letters": -2.52,
            "any_foreign_letter": -2.5, "second_opinion": 0.0, "second_opinion_first": 0.0,
        },
        {
            "he": 0.53, "yi": -0.53, "und": -0.01,
        },
    ),
}  # fmt: skip
"""By script: the weight of each feature, and what each language starts with."""

SECOND: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "arabic": (
        {
            "score": 3.47, "gap_by_length": 4.92, "top_if_unmodelled": 0.79, "words_by_root": 1.71,
            "marks_by_root": 1.56, "words": 3.11, "marks": 4.54, "und_always": 0.56, "und_top": -2.36,
            "und_length": 0.62, "weakness": -1.58, "weakness_by_length": -4.7, "foreign_letters": -2.29,
            "any_foreign_letter": -2.27, "second_opinion": -0.45, "second_opinion_first": 2.48,
        },
        {
            "ar": -0.62, "azb": 0.09, "ckb": 0.04, "fa": 0.77, "ku-Arab": -0.55, "ps": 0.43, "sd": -0.67,
            "ug": 0.62, "ur": -0.14, "und": 0.03,
        },
    ),
    "latin": (
        {
            "score": 4.07, "gap_by_length": 5.08, "top_if_unmodelled": -0.78, "words_by_root": 2.07,
            "marks_by_root": 2.6, "words": 2.36, "marks": 1.83, "und_always": 2.32, "und_top": -2.38,
            "und_length": -0.44, "weakness": -0.04, "weakness_by_length": -0.97, "foreign_letters": -2.34,
            "any_foreign_letter": -1.99, "second_opinion": 2.22, "second_opinion_first": 1.42,
        },
        {
            "af": 0.2, "az": 0.99, "ca": -0.39, "cs": -1.11, "cy": 0.41, "da": 1.09, "de": 1.32, "en": -2.7,
            "es": 0.09, "et": 0.9, "eu": 0.05, "fi": 0.1, "fr": 0.92, "ga": -0.04, "gl": 0.84, "ha": 0.06,
            "hr": 0.22, "hu": -0.17, "is": 0.13, "it": -0.39, "ku": 1.16, "lb": -1.19, "lt": 0.13, "lv": 0.5,
            "ms": -0.23, "mt": -1.26, "nl": -1.13, "no": -0.21, "pl": -0.13, "pt": -1.47, "ro": -0.54, "sk": 0.26,
            "sl": 0.73, "so": -0.03, "sq": -0.21, "sv": 0.12, "sw": 0.12, "tk": -0.19, "tl": -0.23, "tr": 0.3,
            "uz": 0.26, "vi": 0.51, "yo": -0.27, "und": 0.49,
        },
    ),
    "cyrillic": (
        {
            "score": 4.42, "gap_by_length": 13.09, "top_if_unmodelled": 1.4, "words_by_root": 1.72,
            "marks_by_root": -0.07, "words": 2.18, "marks": 1.66, "und_always": 1.51, "und_top": -1.4,
            "und_length": -0.25, "weakness": -0.68, "weakness_by_length": -5.22, "foreign_letters": -1.96,
            "any_foreign_letter": -1.69, "second_opinion": 2.84, "second_opinion_first": 0.9,
        },
        {
            "be": 0.03, "bg": 1.5, "kk": -0.54, "ky": 0.1, "mk": 1.23, "mn": 0.08, "ru": 0.65, "sr": -2.57,
            "tg": 0.29, "tt": -0.67, "uk": 0.49, "uz-Cyrl": -0.68, "und": 0.1,
        },
    ),
    "hebrew": (
        {
            "score": 0.0, "gap_by_length": 0.0, "top_if_unmodelled": 0.0, "words_by_root": 0.77,
            "marks_by_root": 0.97, "words": 2.04, "marks": 2.09, "und_always": -0.12, "und_top": 0.0,
            "und_length": -0.18, "weakness": 0.0, "weakness_by_length": 0.0, "foreign_letters": -1.26,
            "any_foreign_letter": -1.24, "second_opinion": 3.61, "second_opinion_first": 0.76,
        },
        {
            "he": 0.38, "yi": -0.38, "und": -0.0,
        },
    ),
}  # fmt: skip
"""The same where pycld2 was asked as well, because the first answer was in doubt."""
