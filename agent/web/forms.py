"""What the address of a page asks for: read once, in one way, for pages, API and exports alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from agent.moments import parse_moment
from streams.model import Ownership
from streams.stores.base import Search

if TYPE_CHECKING:
    from agent.web.world import World

PAGE_SIZE = 50
MOST_ARTICLES = 500
MOST_EXPORTED = 10_000
FILTERS = ("topic", "lang", "source", "country", "ownership")
_MOST_CHARACTERS = 400


class FormFault(ValueError):
    """A field of the form cannot be understood. `field` is its name in the address."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class SearchForm(Struct, frozen=True, kw_only=True):
    """A search as it stands in an address; texts as they were written."""

    q: str = ""
    since: str = ""
    until: str = ""
    topic: str = ""
    lang: str = ""
    source: str = ""
    country: str = ""
    ownership: str = ""
    order: Literal["newest", "score"] = "newest"
    limit: int = PAGE_SIZE

    @classmethod
    def of(cls, parameters: Mapping[str, str], *, most: int = MOST_ARTICLES) -> SearchForm:
        """Return the form of an address. Raises `FormFault`."""
        given = {name: parameters.get(name, "").strip() for name in ("q", "since", "until", *FILTERS)}
        for name, text in given.items():
            if name != "q" and len(text) > _MOST_CHARACTERS:
                raise FormFault(name, "is too long")
        if given["ownership"] and given["ownership"] not in get_args(Ownership):
            raise FormFault("ownership", f"is one of {', '.join(get_args(Ownership))}")
        order = parameters.get("order") or "newest"
        if order not in ("newest", "score"):
            raise FormFault("order", "is newest or score")
        limit = parameters.get("limit") or str(PAGE_SIZE)
        number = int(limit) if limit.isdecimal() and len(limit) < 8 else 0
        if not 1 <= number <= most:
            raise FormFault("limit", f"is a number from 1 to {most}")
        form = cls(**given, order="score" if order == "score" else "newest", limit=number)
        form.period()
        return form

    def period(self) -> tuple[datetime | None, datetime | None]:
        """Return the bounds in time. Raises `FormFault`."""
        now = datetime.now(UTC)
        moments: list[datetime | None] = []
        for name, text in (("since", self.since), ("until", self.until)):
            try:
                moments.append(parse_moment(_western(text), now, is_end=name == "until") if text else None)
            except ValueError as error:
                raise FormFault(name, str(error)) from error
        return moments[0], moments[1]

    def search(self, world: World) -> Search:
        """Return the search. Raises `FormFault`."""
        since, until = self.period()
        return Search(
            query=self.q,
            named=world.named if "@" in self.q else {},
            since=since,
            until=until,
            language=self.lang or None,
            topic=self.topic or None,
            source=self.source or None,
            country=self.country or None,
            ownership=self.ownership or None,
            limit=self.limit,
            order=self.order,
        )

    def with_(self, **changes: object) -> str:
        """Return the query string of the same search with `changes`; what is empty or usual is left out."""
        form = msgspec.structs.replace(self, **changes)
        usual = SearchForm()
        fields = {name: getattr(form, name) for name in self.__struct_fields__}
        return urlencode({name: value for name, value in fields.items() if value != getattr(usual, name)})

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, by name."""
        return {name: getattr(self, name) for name in (*FILTERS, "since", "until") if getattr(self, name)}


def _western(text: str) -> str:
    """Return `text` with Arabic, Persian and other digits as the ASCII ones."""
    return "".join(str(unicodedata.decimal(letter, letter)) for letter in text)


def number_of(text: str) -> float:
    """Return a least score. Raises `FormFault`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise FormFault("min_score", "is a number from 0")
    return number


def moment_of(text: str) -> datetime | None:
    """Return the moment that `since` names, None for none. Raises `FormFault`."""
    try:
        return parse_moment(_western(text), datetime.now(UTC)) if text.strip() else None
    except ValueError as error:
        raise FormFault("since", str(error)) from error
