"""Countries by their code: CLDR knows what each language calls them."""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec

from streams.definitions import EntityDefinition

LANGUAGES: Final = ("ar", "fa", "tr", "en", "ru", "ckb", "he", "ur", "uk", "de", "fr", "es", "ku", "az", "ps")


@cache
def _territories(language: str) -> dict[str, str]:
    from babel import Locale, localedata

    names = dict(Locale.parse(language).territories)
    # Babel keeps all of each locale for ever, a megabyte and more; the names are all that is wanted.
    localedata._cache.clear()  # noqa: SLF001
    return names


def with_cldr_names(definition: EntityDefinition) -> EntityDefinition:
    """Return a country's definition with CLDR's names added, after its own; any other definition as it is."""
    if definition.kind != "country" or definition.country is None:
        return definition
    names = dict(definition.names)
    for language in LANGUAGES:
        name = _territories(language).get(definition.country)
        if name and name not in names.get(language, ()):
            names[language] = (*names.get(language, ()), name)
    return msgspec.structs.replace(definition, names=names)
