"""Candidates by key from the full-text table, newest first or as they were indexed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from streams import codec
from streams.model import Article
from streams.stores.base import Hit, SearchPage, Summary
from streams.stores.pages import PageBuilder
from streams.stores.plan import Plan
from streams.stores.records import microseconds
from streams.stores.summaries import MOST_JUDGED, bucket_for, estimated, moment_of, most, summary_of
from streams.stores.wanted import AllKeys, AnyKeys, Key, Period, Wanted

_TAIL_BATCH = 500
_FIRST_US, _LAST_US = -(1 << 62), 1 << 62
_FACET_COLUMNS = {
    "topic": ("article_topics", "topic"),
    "language": ("facets", "language"),
    "source": ("facets", "source"),
    "country": ("facets", "country"),
    "ownership": ("facets", "ownership"),
}
_BY_WORDS = "terms CROSS JOIN articles ON articles.seq = terms.rowid"
_SEQ_OF = {"articles": "articles.seq", _BY_WORDS: "terms.rowid"}
_NEWEST_ARTICLES = 4_000
"""Among so many a word that one article in two hundred has fills a page."""
_SCATTER = 2_654_435_761
"""Knuth's multiplicative hash: the golden ratio of 2^32."""
_NO_KEY = '"\ue0fd"'


def search_page(reader: sqlite3.Connection, plan: Plan, budget: int) -> SearchPage:
    """Return the page that `plan` asks for, after looking at `budget` candidates at most."""
    builder = PageBuilder(plan, budget)
    for article in _newest(reader, plan, budget + 1):
        builder.look_at(article)
        if builder.is_done:
            break
    return builder.page()


def matching_after(reader: sqlite3.Connection, plan: Plan, cursor: int) -> tuple[list[Hit], int, bool]:
    """Return the hits among the next candidates indexed after `cursor`, the cursor after them, and whether they were
    the last."""
    (end,) = reader.execute("SELECT coalesce(max(seq), 0) FROM articles").fetchone()
    source, condition, parameters = _where(plan)
    rows = reader.execute(
        f"SELECT articles.seq FROM {source} WHERE {condition} AND articles.seq > ? AND articles.seq <= ?"  # noqa: S608
        " ORDER BY articles.seq LIMIT ?",
        (*parameters, cursor, end, _TAIL_BATCH),
    ).fetchall()
    hits = [hit for (seq,) in rows if (hit := plan.judge(_document(reader, seq))) is not None]
    is_last = len(rows) < _TAIL_BATCH
    return hits, max(end, cursor) if is_last else rows[-1][0], is_last


def _newest(reader: sqlite3.Connection, plan: Plan, limit: int) -> Iterator[Article]:
    """Yield the candidates of `plan`, newest first.

    A frequent word has tens of thousands, of which a page needs twenty, and each costs a look at its time. So those
    among the newest articles are asked for first: the full-text table skips what was written before them.
    """
    source, condition, parameters = _where(plan)
    statement = (
        f"SELECT articles.seq FROM {source} WHERE {condition} AND {_SEQ_OF[source]} >= ? AND articles.time_us > ?"  # noqa: S608
        " AND articles.time_us <= ? ORDER BY articles.time_us DESC, articles.article_id DESC LIMIT ?"
    )
    for first_seq, after_us, until_us in _stretches(reader, plan):
        rows = reader.execute(statement, (*parameters, first_seq, after_us, until_us, limit)).fetchall()
        for (seq,) in rows:
            yield _document(reader, seq)
        limit -= len(rows)
        if limit <= 0:
            return


def _stretches(reader: sqlite3.Connection, plan: Plan) -> Iterator[tuple[int, int, int]]:
    """Yield `(seq, after, until)` of the two stretches of time that make up the period of `plan`, the newer first: no
    article of the time after `after` and not after `until` has a number below `seq`."""
    low, high = _bounds(plan.period)
    until = high - 1
    if plan.keys is not None:
        count, first_seq, first_us = reader.execute(
            "SELECT count(*), min(seq), min(time_us) FROM (SELECT seq, time_us FROM articles"
            " WHERE time_us >= ? AND time_us <= ? ORDER BY time_us DESC LIMIT ?)",
            (low, until, _NEWEST_ARTICLES),
        ).fetchone()
        if count == _NEWEST_ARTICLES:
            # Others of the same microsecond as the earliest may have been left out: it is of the older stretch.
            yield first_seq, first_us, until
            until = first_us
    yield 0, low - 1, until


def summary(reader: sqlite3.Connection, plan: Plan, values: int) -> Summary:
    """Return what the articles of `plan` are like, taken together."""
    source, condition, parameters = _where(plan)
    rows = f"SELECT articles.seq, articles.time_us FROM {source} WHERE {condition}"  # noqa: S608
    if plan.has_query:
        few = reader.execute(f"{rows} LIMIT ?", (*parameters, MOST_JUDGED + 1)).fetchall()
        if len(few) <= MOST_JUDGED:
            hits = (plan.judge(_document(reader, seq)) for seq, _ in few)
            return summary_of([hit.article for hit in hits if hit is not None], values)
    found = f"WITH found AS MATERIALIZED ({rows}) "
    number, first, last = reader.execute(
        f"{found} SELECT count(*), min(time_us), max(time_us) FROM found",  # noqa: S608
        parameters,
    ).fetchone()
    if not number:
        return Summary()
    bucket_seconds = bucket_for((last - first) / 1_000_000)
    width = bucket_seconds * 1_000_000
    # Division goes towards zero in SQL: the remainder is made positive, so that times before 1970 fall right, too.
    start = f"time_us - ((time_us % {width}) + {width}) % {width}"
    counts = "".join(
        f"SELECT '{facet}', {column}, count(*) FROM found JOIN {table} USING (seq)"  # noqa: S608
        f" WHERE {column} IS NOT NULL AND {column} != '' GROUP BY {column} UNION ALL "
        for facet, (table, column) in _FACET_COLUMNS.items()
    )
    volume = f"SELECT 'volume', {start}, count(*) FROM found GROUP BY 2"  # noqa: S608
    sample = ""
    if plan.has_query:
        # By a hash of the number: neighbours in the table came from one feed at one time.
        chosen = f"(seq * {_SCATTER}) % {1 << 32} < {(MOST_JUDGED << 32) // number}"
        sample = f" UNION ALL SELECT * FROM (SELECT 'sample', seq, 1 FROM found WHERE {chosen} LIMIT {2 * MOST_JUDGED})"  # noqa: S608
    tally: dict[str, dict[Any, int]] = {name: {} for name in (*_FACET_COLUMNS, "volume", "sample")}
    for name, value, articles in reader.execute(f"{found}{counts}{volume}{sample}", parameters):
        tally[name][value] = articles
    buckets, sampled = tally.pop("volume"), tally.pop("sample")
    counted = Summary(
        articles=number,
        first=moment_of(first),
        last=moment_of(last),
        facets={name: most(found_values, values) for name, found_values in tally.items()},
        bucket_seconds=bucket_seconds,
        volume=tuple((moment_of(start_us), buckets[start_us]) for start_us in sorted(buckets)),
    )
    if not plan.has_query:
        return counted
    articles = (_document(reader, seq) for seq in sampled)
    return estimated(counted, [(article, plan.judge(article) is not None) for article in articles])


def _document(reader: sqlite3.Connection, seq: int) -> Article:
    (document,) = reader.execute("SELECT document FROM documents WHERE seq = ?", (seq,)).fetchone()
    return codec.decode(document, Article)


def _where(plan: Plan) -> tuple[str, str, tuple[object, ...]]:
    period: Period = plan.period
    low, high = _bounds(period)
    condition = "articles.time_us >= ? AND articles.time_us < ?"
    parameters: tuple[object, ...] = (low, high)
    if plan.search.ownership is not None:
        condition += " AND (SELECT ownership FROM facets WHERE facets.seq = articles.seq) = ?"
        parameters += (plan.search.ownership,)
    if plan.keys is None:
        return "articles", condition, parameters
    # CROSS: the words first; SQLite's planner cannot know how rare they are.
    source = _BY_WORDS
    return source, f"terms MATCH ? AND {condition}", (_expression(plan.keys), *parameters)


def _bounds(period: Period) -> tuple[int, int]:
    # The ends come from queries and may be the calendar's own, which no microsecond count minds.
    low = microseconds(period.low) if period.low else _FIRST_US
    return low, microseconds(period.high) if period.high else _LAST_US


def _expression(wanted: Wanted) -> str:
    """Return `wanted` in FTS5's syntax. A key has no character that means anything in it."""
    match wanted:
        case Key(key, is_prefix):
            return f'"{key}" *' if is_prefix else f'"{key}"'
        case AllKeys(parts):
            return " AND ".join(f"({_expression(part)})" for part in parts)
        case AnyKeys(parts):
            return " OR ".join(f"({_expression(part)})" for part in parts) or _NO_KEY
