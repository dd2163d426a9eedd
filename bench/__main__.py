"""`python -m bench [AREA …]`: run the benchmarks, write JSON, print a table.

    python -m bench                 all areas
    python -m bench stores hops     only these
    python -m bench --json          JSON to standard output, no table

A bar is what an issue or DESIGN.md asks for; a figure below its bar is printed as such, never hidden.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

AREAS = {
    "pipeline": "articles/s of one core through the stages; embedded end to end; start-up and idle memory",
    "text": "language, folding, tokens",
    "query": "topics and rules: matching and compiling",
    "entities": "recognizing entities",
    "parse": "feeds against bare feedparser, with identical entries",
    "stories": "near duplicates; the story stage with 6,000 and 100,000 articles in the window",
    "collect": "feed parsing; 10,000 feeds: polls/s, memory, delay",
    "pages": "article pages a second; from a hub's push to the index",
    "schedule": "how long entries wait, against fixed intervals that cost as much",
    "stores": "SQLite and Elasticsearch writes",
    "web": "the web page: searches, first paint, weight, live",
    "alerts": "rules against articles/s, loading them, matched to delivered, what story semantics save",
    "hops": "a Faust hop, one distributed worker end to end",
}


def main() -> int:
    """Run the areas asked for; the exit code is 1 when a benchmark itself failed, not when a bar was missed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "areas", nargs="*", metavar="AREA", help="\n".join(f"{name}: {text}" for name, text in AREAS.items())
    )
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument(
        "--output", type=Path, default=Path("var/bench.json"), help="where the JSON goes (default: %(default)s)"
    )
    options = parser.parse_args()
    unknown = set(options.areas) - set(AREAS)
    if unknown:
        parser.error(f"unknown area {', '.join(sorted(unknown))}: choose from {', '.join(AREAS)}")

    results: dict[str, Any] = {}
    failed = False
    for area in options.areas or AREAS:
        started = time.perf_counter()
        try:
            figures = importlib.import_module(f"bench.{area}").run()
        except Exception as error:  # one broken area must not hide the others' figures
            figures, failed = {"error": f"{type(error).__name__}: {error}"}, True
        results[area] = {**figures, "took_seconds": round(time.perf_counter() - started, 1)}
        if not options.json:
            _print_table(area, results[area])
    report = {"python": platform.python_version(), "machine": platform.machine(), "areas": results}
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if options.json:
        print(text)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text + "\n", encoding="utf-8")
    return 1 if failed else 0


def _print_table(area: str, figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{area}: {AREAS[area]}", title_justify="left")
    for column in ("figure", "value", "bar", ""):
        table.add_column(column, justify="left" if column in ("figure", "") else "right")
    for name, figure in _rows(figures):
        if isinstance(figure, dict) and "value" in figure:
            met = figure.get("met")
            mark = "" if met is None else ("met" if met else "[bold red]missed[/]")
            table.add_row(name, _number(figure["value"]), str(figure.get("bar", "")), mark)
        else:
            table.add_row(name, _number(figure), "", "")
    Console(file=sys.stdout, width=110).print(table)


def _rows(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, figure in figures.items():
        if isinstance(figure, dict) and "value" not in figure:
            rows += _rows(figure, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", figure))
    return rows


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.exit(main())
