"""Who copied whom: lineages are counted, not copies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from streams.lineage import Edge, Report, lineage
from streams.model import AttributionStep

START = datetime(2023, 4, 25, 12, tzinfo=UTC)


def report(name: str, minute: int, *chains: str, copy_of: str | None = None, source: str | None = None) -> Report:
    steps = [
        AttributionStep(name=step, source_id=step if step.islower() else None, chain=number)
        for number, chain in enumerate(chains)
        for step in chain.split(" < ")
    ]
    return Report(
        article_id=name,
        source_id=source or f"outlet-{name}",
        source_name=(source or f"outlet-{name}").title(),
        time=START + timedelta(minutes=minute),
        near_duplicate_of=copy_of,
        attribution=tuple(steps),
    )


def test_a_chain_and_a_further_one_are_two_origins() -> None:
    found = lineage([report("a", 0, "namehnews < tasnim < ria-novosti", "tass")])
    assert found.independent_source_count == 2
    assert found.origins == {"source:ria-novosti": 1, "source:tass": 1}
    assert [(edge.taker, edge.giver) for edge in found.edges] == [
        ("article:a", "source:namehnews"),
        ("source:namehnews", "source:tasnim"),
        ("source:tasnim", "source:ria-novosti"),
        ("article:a", "source:tass"),
    ]


def test_copies_and_credits_of_one_report_are_one_source() -> None:
    found = lineage(
        [
            report("wire", 0, source="tass"),
            report("a", 5, "tass"),
            report("b", 9, copy_of="a"),
            report("c", 12, copy_of="b"),
            report("d", 15, "outlet-a"),
        ]
    )
    assert found.independent_source_count == 1
    assert found.origins == {"source:tass": 5}
    assert Edge(taker="article:d", giver="article:a", kind="credit") in found.edges
    assert Edge(taker="article:c", giver="article:b", kind="copy") in found.edges


def test_own_reports_are_origins_and_one_house_is_one() -> None:
    found = lineage(
        [report("a", 0), report("b", 1), report("c", 2, source="site-en"), report("d", 3, source="site-ar")],
        {"site-en": "site", "site-ar": "site"},
    )
    assert found.independent_source_count == 3
    assert found.origins["source:site"] == 2


def test_a_credited_source_leads_on_to_whom_its_own_article_credits() -> None:
    found = lineage([report("t", 0, "ria-novosti", source="tasnim"), report("a", 5, "tasnim < ria-novosti")])
    assert found.origins == {"source:ria-novosti": 2}


def test_an_article_that_came_later_is_not_where_it_was_taken_from() -> None:
    found = lineage([report("a", 0, "tasnim"), report("t", 9, source="tasnim")])
    assert found.edges == (Edge(taker="article:a", giver="source:tasnim", kind="credit"),)
    assert found.independent_source_count == 1


def test_names_that_nobody_has_listed_are_sources_by_their_name() -> None:
    found = lineage([report("a", 0, "«Gulf Post»"), report("b", 1, "«Gulf Post»")])
    assert found.independent_source_count == 1
    assert list(found.names.values()).count("«Gulf Post»") == 1


def test_a_copy_of_what_is_no_longer_there_is_by_its_credit() -> None:
    assert lineage([report("a", 0, "tass", copy_of="gone")]).origins == {"source:tass": 1}


def test_nothing_is_from_nobody() -> None:
    assert lineage([]).independent_source_count == 0


NAMES = st.sampled_from("abcdef")


@given(
    st.lists(
        st.tuples(NAMES, st.integers(0, 9), st.lists(st.sampled_from(["tass", "sana", "outlet-a", "outlet-b < tass", "X y"]), max_size=3), st.none() | NAMES),
        unique_by=lambda row: row[0],
        max_size=6,
    )
)  # fmt: skip
def test_whatever_refers_to_whatever(rows: list[tuple[str, int, list[str], str | None]]) -> None:
    reports = [report(name, minute, *chains, copy_of=copy) for name, minute, chains, copy in rows]
    found = lineage(reports)
    assert found == lineage(reversed(reports))
    assert found.independent_source_count == len(found.origins)
    assert bool(found.origins) == bool(reports)
    assert {node for edge in found.edges for node in (edge.taker, edge.giver)} | set(found.origins) <= set(found.names)
