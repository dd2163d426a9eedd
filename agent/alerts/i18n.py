"""What Rasad says in a message, in the reader's language: gettext catalogues in `locale/*.po`, names and dates by
CLDR."""

from __future__ import annotations

import gettext
import io
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

LANGUAGES = ("en", "ar", "fa", "tr")
FOLDER = Path(__file__).parent / "locale"
RIGHT_TO_LEFT = frozenset({"ar", "fa"})


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        from babel import Locale

        self.language = language
        self.direction: Literal["ltr", "rtl"] = "rtl" if language in RIGHT_TO_LEFT else "ltr"
        self._catalogue = _catalogue(language)
        self._locale = Locale.parse(language)

    def say(self, text: str, **values: object) -> str:
        """Return `text` in this language, with `{name}` filled in."""
        return self._catalogue.gettext(text).format(**values)

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """Return the form of `one` or `many` that `number` asks for, with `{number}` filled in."""
        return self._catalogue.ngettext(one, many, number).format(number=self.number(number), **values)

    def number(self, number: int) -> str:
        """Return a number as it is written in this language."""
        from babel.numbers import format_decimal

        return format_decimal(number, locale=self._locale, numbering_system="default")

    def language_name(self, code: str) -> str:
        """Return what a language is called."""
        return self._locale.languages.get(code.partition("-")[0]) or code

    def country_name(self, code: str) -> str:
        """Return what a country is called."""
        return self._locale.territories.get(code) or code

    def time(self, moment: datetime, zone: str) -> str:
        """Return a moment as it is written in this language, in a time zone, with the zone."""
        from babel.dates import format_datetime

        local = moment.astimezone(ZoneInfo(zone))
        return f"{format_datetime(local, 'd MMMM y, HH:mm', locale=self._locale)} ({zone})"


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Words:
    """Return the words of one of `LANGUAGES`."""
    return Words(language)


def _catalogue(language: str) -> gettext.NullTranslations:
    path = FOLDER / f"{language}.po"
    if not path.is_file():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    # Compiled at the start, so that no compiled file has to be kept beside its source.
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
