"""The whole of enrich with alert rules behind it, stage by stage, in a process of its own: `measure` starts one.

The child compiles the rules first, and its resident memory is taken before and after. Then every set of articles is
read once with words never met (cold), and several times more (warm: each article's least time counts, since the machine
may be shared). A newsroom's stream lies between the two. Times are of the process's own processor time.
"""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.config_files import Faults
from agent.definitions import load_definitions
from bench.asked import asked
from streams.attribution import AttributionFinder
from streams.definitions import Definitions
from streams.enrich import Enricher, publication_day
from streams.entities import EntityRecognizer
from streams.event_dates import find_event_dates
from streams.labels import Labeller
from streams.model import EnrichedArticle, RawArticle
from streams.query import Matcher, compile_queries, parse
from streams.text.document import Document
from streams.text.language import default_identifier

CONFIG = Path("config")
STAGES = ("language", "tokens", "entities", "attribution", "dates", "topics and frames", "rules")
ROUNDS = 4
_NOW = datetime(2023, 4, 25, tzinfo=UTC)


class Task(msgspec.Struct):
    """What is measured: rules, and sets of articles by name. `is_asked`: with the definitions of `bench.asked`."""

    rules: list[str]
    articles: dict[str, list[RawArticle]]
    is_asked: bool = False


class Pass(msgspec.Struct):
    """The mean seconds of an article by stage and of `Enricher.enrich` as a whole, and how many rules matched."""

    stages: dict[str, float]
    enrich: float
    matched: float

    @property
    def seconds(self) -> float:
        """Seconds of an article, all stages."""
        return sum(self.stages.values())


class Outcome(msgspec.Struct):
    """What was measured: seconds and bytes of compiling, and by set of articles the cold and the warm pass."""

    parse_seconds: float
    compile_seconds: float
    added_bytes: int
    cold: dict[str, Pass]
    warm: dict[str, Pass]


def measure(rules: Sequence[str], articles: Mapping[str, Sequence[RawArticle]], *, is_asked: bool = False) -> Outcome:
    """Return how long the stages take in a new process, with all that is shipped or what `is_asked` says."""
    task = msgspec.json.encode(Task(list(rules), {name: list(found) for name, found in articles.items()}, is_asked))
    done = subprocess.run([sys.executable, "-m", "bench.enrich"], input=task, capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=Outcome)


class _Stages:
    def __init__(self, definitions: Definitions, matcher: Matcher) -> None:
        self._identify = default_identifier().identify
        self._recognizer = EntityRecognizer(definitions.entities)
        self._attribution = AttributionFinder(definitions.sources)
        self._labeller = Labeller(definitions.topics, definitions.frames)
        self._enricher = Enricher(definitions)
        self._matcher = matcher

    def read(self, articles: Sequence[RawArticle], rounds: int) -> Pass:
        """Return the mean of each article's least times."""
        least = [dict.fromkeys(STAGES, float("inf")) for _ in articles]
        whole = [float("inf")] * len(articles)
        for _ in range(rounds):
            matched = 0
            for number, article in enumerate(articles):
                times, found = self._steps(article)
                matched += found
                for stage, before, after in zip(STAGES, times, times[1:], strict=False):
                    least[number][stage] = min(least[number][stage], after - before)
            for number, article in enumerate(articles):
                started = time.process_time()
                self._enricher.enrich(article, _NOW)
                whole[number] = min(whole[number], time.process_time() - started)
        stages = {stage: sum(known[stage] for known in least) / len(least) for stage in STAGES}
        return Pass(stages, sum(whole) / len(whole), matched / len(articles))

    def _steps(self, raw: RawArticle) -> tuple[list[float], int]:
        clock = time.process_time
        times = [clock()]
        language = self._identify(raw.text, title=raw.title, declared=raw.declared_language)
        times.append(clock())
        document = Document.of(raw.title, raw.text, language.code)
        times.append(clock())
        entities = self._recognizer.recognize(document)
        times.append(clock())
        attribution = self._attribution.find(document, raw)
        times.append(clock())
        dates = find_event_dates(document, publication_day(raw))
        times.append(clock())
        known = EnrichedArticle(
            **{name: getattr(raw, name) for name in RawArticle.__struct_fields__},
            language=language.code,
            entities=entities,
            attribution=attribution,
            event_dates=dates,
            enriched_at=_NOW,
        )
        topics, frames = self._labeller.label(document, known)
        enriched = msgspec.structs.replace(known, topics=topics, frames=frames)
        times.append(clock())
        found = len(self._matcher.match(document, enriched))
        times.append(clock())
        return times, found


def _resident_bytes() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    """Measure the task on standard input."""
    gc.set_threshold(50_000, 20, 20)  # as the command line does
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    parse("a AND (b OR c)")
    gc.collect()
    before, started = _resident_bytes(), time.process_time()
    queries = {str(number): parse(text) for number, text in enumerate(task.rules)}
    parsed = time.process_time()
    matcher = compile_queries(queries)
    compiled = time.process_time()
    del queries
    added_bytes = _resident_bytes() - before
    faults = Faults()
    definitions = load_definitions(CONFIG, faults)
    faults.check()
    if task.is_asked:
        definitions = asked(definitions)
    stages = _Stages(definitions, matcher)
    gc.freeze()
    cold = {name: stages.read(articles, 1) for name, articles in task.articles.items()}
    warm = {name: stages.read(articles, ROUNDS) for name, articles in task.articles.items()}
    outcome = Outcome(parsed - started, compiled - parsed, added_bytes, cold, warm)
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
