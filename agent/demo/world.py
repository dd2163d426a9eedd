"""The demo's outlets and articles, as data.

One YAML file per outlet under `data/outlets/`. All outlets and texts are invented; the persons and places
they name exist. Times are ages ("four days before the demo starts"), so that the demo is always fresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, Literal, cast, get_args

import yaml

from streams.model import Ownership


class DemoDataError(Exception):
    """The demo's own data is wrong; the message names the file and the field."""


Dialect = Literal["rss2", "atom", "rdf", "json"]
Content = Literal["full", "summary", "truncated"]


@dataclass(frozen=True)
class Outlet:
    """An invented outlet and the habits of its feed.

    `country` is ISO 3166-1 alpha-2, `language` BCP 47. `content` says how much of an article its
    feed carries.
    """

    id: str
    name: str
    english_name: str
    country: str
    language: str
    ownership: Ownership
    is_wire: bool
    dialect: Dialect
    encoding: str
    content: Content
    utc_offset_minutes: int


@dataclass(frozen=True)
class Version:
    """One wording of an article, visible from `after_seconds` of the demo on."""

    after_seconds: float
    title: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True)
class DemoArticle:
    """One article of one outlet, with all its wordings.

    `age_minutes` is its age when the demo starts; an article that arrives during the demo has age 0 and its
    first version starts after 0 seconds. `topics`, `copy_of` (the id of the article it repeats) and `credits`
    (the wire it names) say what a reader would say; they are for tests and never leave the server.
    """

    id: str
    outlet_id: str
    language: str
    age_minutes: float
    versions: tuple[Version, ...]
    topics: tuple[str, ...] = ()
    copy_of: str | None = None
    credits: str | None = None

    @property
    def is_late(self) -> bool:
        return self.versions[0].after_seconds > 0

    def version_at(self, elapsed_seconds: float) -> Version | None:
        """The wording that a reader sees, or None before the article is out."""
        seen = None
        for version in self.versions:
            if version.after_seconds <= elapsed_seconds:
                seen = version
        return seen


@dataclass(frozen=True)
class World:
    outlets: tuple[Outlet, ...]
    articles: tuple[DemoArticle, ...]

    @property
    def last_change_seconds(self) -> float:
        """When the last article or revision is out, in seconds of the demo."""
        return max((version.after_seconds for one in self.articles for version in one.versions), default=0.0)

    def outlet(self, outlet_id: str) -> Outlet:
        return next(outlet for outlet in self.outlets if outlet.id == outlet_id)

    def articles_of(self, outlet_id: str) -> tuple[DemoArticle, ...]:
        return tuple(article for article in self.articles if article.outlet_id == outlet_id)


@cache
def load_world() -> World:
    """Reads every outlet file of the package. Raises DemoDataError where one is wrong."""
    folder = resources.files("agent.demo") / "data" / "outlets"
    outlets: list[Outlet] = []
    articles: list[DemoArticle] = []
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".yaml"):
            continue
        outlet, its_articles = parse_outlet(entry.name, yaml.safe_load(entry.read_text(encoding="utf-8")))
        outlets.append(outlet)
        articles.extend(its_articles)
    _check_references(articles)
    return World(tuple(outlets), tuple(articles))


def parse_outlet(file_name: str, data: object) -> tuple[Outlet, list[DemoArticle]]:
    """One outlet file as loaded from YAML. Raises DemoDataError with the file's name and the field."""
    reader = _Fields(file_name, data)
    feed = _Fields(f"{file_name}: feed", reader.get("feed", dict))
    outlet = Outlet(
        id=reader.get("id", str),
        name=reader.get("name", str),
        english_name=reader.get("english_name", str),
        country=reader.get("country", str),
        language=reader.get("language", str),
        ownership=cast(Ownership, reader.choice("ownership", get_args(Ownership))),
        is_wire=reader.get("wire", bool, False),
        dialect=cast(Dialect, feed.choice("dialect", get_args(Dialect))),
        encoding=feed.get("encoding", str, "utf-8"),
        content=cast(Content, feed.choice("content", get_args(Content))),
        utc_offset_minutes=feed.get("utc_offset_minutes", int, 0),
    )
    articles = [
        _parse_article(_Fields(f"{file_name}: article {number}", item), outlet)
        for number, item in enumerate(reader.get("articles", list), 1)
    ]
    return outlet, articles


def _parse_article(fields: _Fields, outlet: Outlet) -> DemoArticle:
    first = _parse_version(fields, float(fields.number("arrives_after_seconds", 0)))
    later = [
        _parse_version(revision, float(revision.number("after_seconds")))
        for revision in (
            _Fields(f"{fields.where}: revision {number}", item)
            for number, item in enumerate(fields.get("revisions", list, []), 1)
        )
    ]
    versions = (first, *later)
    if any(earlier.after_seconds >= later.after_seconds for earlier, later in pairwise(versions)):
        raise DemoDataError(f"{fields.where}: revisions must be in order of after_seconds")
    return DemoArticle(
        id=fields.get("id", str),
        outlet_id=outlet.id,
        language=fields.get("language", str, outlet.language),
        age_minutes=float(fields.number("age_minutes", 0)),
        versions=versions,
        topics=tuple(fields.get("topics", list, [])),
        copy_of=fields.get("copy_of", str, "") or None,
        credits=fields.get("credits", str, "") or None,
    )


def _parse_version(fields: _Fields, after_seconds: float) -> Version:
    paragraphs = tuple(line.strip() for line in fields.get("text", str).splitlines() if line.strip())
    return Version(after_seconds, fields.get("title", str).strip(), paragraphs)


def _check_references(articles: list[DemoArticle]) -> None:
    ids = [article.id for article in articles]
    for twice in sorted({one for one in ids if ids.count(one) > 1}):
        raise DemoDataError(f"two articles have the id {twice}")
    for article in articles:
        if article.copy_of is not None and article.copy_of not in ids:
            raise DemoDataError(f"{article.id}: copy_of names {article.copy_of}, which is not there")


class _Fields:
    """A mapping that says where it stands when a field is missing or of the wrong type."""

    def __init__(self, where: str, data: object) -> None:
        if not isinstance(data, Mapping):
            raise DemoDataError(f"{where}: expected fields, found {type(data).__name__}")
        self.where = where
        self._data = data

    def get(self, name: str, kind: type[Any], default: Any = None) -> Any:
        value = self._data.get(name, default)
        if not isinstance(value, kind):
            raise DemoDataError(f"{self.where}: {name} must be {kind.__name__}, found {value!r}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        value = self._data.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DemoDataError(f"{self.where}: {name} must be a number, found {value!r}")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._data.get(name)
        if value not in allowed:
            raise DemoDataError(f"{self.where}: {name} must be one of {', '.join(allowed)}, found {value!r}")
        return cast(str, value)
