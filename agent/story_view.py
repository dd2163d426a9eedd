"""A story on a terminal: its head, its timeline, its headlines, its lineage as a tree, and its framing as a table."""

from __future__ import annotations

import sys
from collections import defaultdict

from rich.console import Console
from rich.text import Text

from agent.render import directed_lines, is_right_to_left, isolated, moment, printable
from streams.frames import Usage
from streams.lineage import Lineage
from streams.model import StoryChange
from streams.stories.documents import StoryDocument, StoryReport

_MAX_HEADLINES = 6
_MAX_DEPTH = 12
_BAR = "█"


class StoryView:
    """Prints stories to standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stdout, highlight=False, markup=False, emoji=False)

    def head(self, story: StoryDocument) -> None:
        """Print a story in a few lines: size, span, headlines by language, id."""
        self._line(
            Text.assemble(
                (moment(story.first_time), "cyan"),
                f"  {_count(story.articles, 'article')}, {story.independent_source_count} independent of"
                f" {_count(len(story.sources), 'source')}",
                (f"  {' '.join(story.languages)}", "magenta"),
                (f"  {' '.join('#' + printable(topic) for topic in list(story.topics)[:3])}", "green"),
            )
        )
        for language, title in list(story.headlines.items())[:_MAX_HEADLINES]:
            self._title(title, language)
        self._line(Text(story.story_id, style="dim"))
        self._console.print()

    def whole(self, story: StoryDocument) -> None:
        """Print everything that is known of a story."""
        self.head(story)
        if story.event_date is not None:
            self._fact("event", story.event_date.isoformat())
        self._fact("countries", ", ".join(story.countries))
        self._fact("entities", ", ".join(f"{name} ({count})" for name, count in story.entities.items()))
        self._section("Timeline")
        for report in story.timeline:
            self._report(report)
        self._section("Articles per hour")
        most = max(story.articles_per_hour.values(), default=1)
        for hour, count in story.articles_per_hour.items():
            self._line(Text(f"{hour[:13].replace('T', ' ')}h  {_BAR * max(1, round(30 * count / most))} {count}"))
        if story.further.months:
            self._line(Text(f"{_count(len(story.further.months), 'article')} more, not held one by one", style="dim"))
        if story.changes:
            self._section("Merged and split")
            for change in story.changes:
                self._change(story, change)
        if story.lineage.edges:
            self._section("Who has it from whom")
            self._tree(story.lineage)
        if story.framing:
            self._section("Who words it how")
            self._framing(story.framing)

    def _change(self, story: StoryDocument, change: StoryChange) -> None:
        why = ", ".join(f"{printable(link.kind)} {link.weight:g}" for link in change.evidence)
        if change.kind == "merge":
            what = f"{change.story_id} was found to be this story"
        elif change.into == story.story_id:
            what = f"left {change.story_id} with {_count(len(change.articles), 'article')}"
        else:
            what = f"{_count(len(change.articles), 'article')} left for {change.into}"
        self._line(
            Text.assemble((moment(change.decided_at), "cyan"), f"  {what}", (f"  ({why})" if why else "", "dim"))
        )

    def _report(self, report: StoryReport) -> None:
        copy = "  copy" if report.near_duplicate_of is not None else ""
        source = self._isolated(printable(report.source or "unknown source"))
        where = f" ({printable(report.country)})" if report.country else ""
        self._line(Text.assemble((moment(report.time), "cyan"), f"  {report.language}  ", source, where, (copy, "dim")))
        self._title(report.title or "(no title)", report.language)

    def _tree(self, lineage: Lineage) -> None:
        takers: defaultdict[str, list[str]] = defaultdict(list)
        for edge in lineage.edges:
            takers[edge.giver].append(edge.taker)
        shown: set[str] = set()
        given = {edge.taker for edge in lineage.edges}
        roots = [giver for giver in takers if giver not in given] or list(takers)[:1]  # none: all in one circle
        for root in roots:
            self._branch(root, takers, lineage.names, 0, shown)

    def _branch(
        self, node: str, takers: dict[str, list[str]], names: dict[str, str], depth: int, shown: set[str]
    ) -> None:
        arrow = "  " * depth + ("└ " if depth else "")
        again = node in shown
        name = self._isolated(printable(names.get(node, node)))
        self._line(Text.assemble(arrow, name, (" (above)", "dim") if again and takers.get(node) else ""))
        if again or depth >= _MAX_DEPTH:
            return
        shown.add(node)
        for taker in dict.fromkeys(takers.get(node, ())):
            self._branch(taker, takers, names, depth + 1, shown)

    def _framing(self, framing: tuple[Usage, ...]) -> None:
        by_frame: defaultdict[tuple[str, str], list[Usage]] = defaultdict(list)
        for usage in framing:
            by_frame[usage.group, usage.frame].append(usage)
        group = ""
        for (this_group, frame), usages in by_frame.items():
            if this_group != group:
                group = this_group
                self._line(Text(group, style="bold"))
            everybody = next((usage for usage in usages if usage.by == "all"), None)
            count = f"{everybody.articles} ({everybody.share:.0%})" if everybody is not None else ""
            users = [self._isolated(printable(usage.value)) for usage in usages if usage.by == "source"]
            countries = [usage.value for usage in usages if usage.by == "country"]
            self._line(Text(f"  {frame}  {count}  {', '.join(users)}  {' '.join(countries)}".rstrip()))

    def _title(self, title: str, language: str) -> None:
        text = Text(printable(title), style="bold")
        if not self._console.is_terminal:
            self._line(text)
            return
        for line in directed_lines(self._console, text, is_right_to_left(title, language)):
            self._line(line)

    def _fact(self, name: str, value: str) -> None:
        if value:
            self._line(Text.assemble((f"{name:<12} ", "dim"), printable(value)))

    def _section(self, title: str) -> None:
        self._console.print()
        self._line(Text(title, style="bold underline"))

    def _isolated(self, text: str) -> str:
        return isolated(text) if self._console.is_terminal else text

    def _line(self, text: Text) -> None:
        if text.plain.strip():
            self._console.print(text, soft_wrap=True, highlight=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
