"""What a user says about the pages of a source: `config/pages/*.yaml`.

    pages:
      - sources: [sana]              # ids of config/feeds; or hosts: [sana.sy], or feeds: [id]; none of them means all
        read: auto                   # auto: when the feed's text is short; always; never
        text: [div.entry-content]    # where the text is, the first selector that finds something
        strip: [.related, "#tags"]   # what is no text
        lines: ["نسخه قابل چاپ"]      # lines to cut where they stand alone
        leads: ["اقرأ أيضا"]          # headings of other articles: cut alone, before a headline, and at the end
        endings: ["جميع الحقوق محفوظة"]  # words of the page's last lines: cut with what follows

Rules add up; of single values the most specific rule's is taken: feed, source, host, all.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from agent.config_files import Faults, load_list, yaml_files
from agent.pages.records import Hints
from agent.pages.selectors import SelectorError, to_xpath

Read = Literal["auto", "always", "never"]
_SELECTORS = ("text", "strip", "title", "author", "date")


class PageRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of a pages file."""

    feeds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """Each with all hosts below it."""
    read: Read | None = None
    short_text_chars: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    text: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()

    def rank(self, feed_id: str, source_id: str, host: str) -> int | None:
        """Return how specific this rule is for a page, the less the more; None where it does not apply."""
        if feed_id and feed_id in self.feeds:
            return 0
        if source_id and source_id in self.sources:
            return 1
        if any(host == name or host.endswith("." + name) for name in self.hosts):
            return 2
        return None if self.feeds or self.sources or self.hosts else 3


class PageRules:
    """All rules; asks for the ones that apply are cheap and frequent."""

    def __init__(self, rules: Iterable[PageRule] = ()) -> None:
        self._rules = tuple(rules)
        self._found: dict[tuple[str, str, str], tuple[PageRule, ...]] = {}

    def read(self, *, feed_id: str = "", source_id: str = "", url: str | None = None) -> Read:
        """Return whether pages are to be read: `auto`, `always` or `never`."""
        rules = self._of(feed_id, source_id, url)
        return next((rule.read for rule in rules if rule.read is not None), "auto")

    def short_text_chars(self, default: int, *, feed_id: str = "", source_id: str = "", url: str | None = None) -> int:
        """Return the length below which a feed's text is too short."""
        rules = self._of(feed_id, source_id, url)
        return next((rule.short_text_chars for rule in rules if rule.short_text_chars is not None), default)

    def hints(self, *, feed_id: str = "", source_id: str = "", url: str | None = None) -> Hints:
        """Return what extraction is to know."""
        rules = self._of(feed_id, source_id, url)

        def all_of(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(value for rule in rules for value in getattr(rule, name)))

        selectors = {name: tuple(to_xpath(selector) for selector in all_of(name)) for name in _SELECTORS}
        return Hints(lines=all_of("lines"), leads=all_of("leads"), endings=all_of("endings"), **selectors)

    def _of(self, feed_id: str, source_id: str, url: str | None) -> tuple[PageRule, ...]:
        key = (feed_id, source_id, urlsplit(url or "").hostname or "")
        if (found := self._found.get(key)) is None:
            ranked = [(rank, n, rule) for n, rule in enumerate(self._rules) if (rank := rule.rank(*key)) is not None]
            found = tuple(rule for *_, rule in sorted(ranked, key=lambda each: each[:2]))
            if len(self._found) > 5_000:
                self._found.clear()
            self._found[key] = found
        return found


def load_page_rules(folder: Path, faults: Faults) -> PageRules:
    """Read all `*.yaml` below `folder`; what is wrong is noted in `faults`. A folder that is not there has no rules."""
    rules = []
    for path in yaml_files(folder):
        for rule, place in load_list(path, PageRule, faults, key="pages"):
            rules.append(rule)
            for name in _SELECTORS:
                for number, selector in enumerate(getattr(rule, name)):
                    try:
                        to_xpath(selector)
                    except SelectorError as error:
                        faults.add(place.path, place.line_of(f"{name}.{number}"), str(error))
    return PageRules(rules)
