"""Runs one rule's examples through the whole of the stages: `python -m agent.web.rule_trial FOLDER < rule.json`.

In a process of its own, because the stages' tables would stay in the page's memory.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from agent.config_files import Faults
from agent.definitions import load_definitions
from agent.errors import RasadError
from agent.examples import as_article
from agent.web.trying import ExampleResult, Trial
from streams.alerts.rules import RuleSet
from streams.definitions import RuleDefinition
from streams.pipeline import Pipeline, utc_now
from streams.topics import named_queries

_SECONDS = 120.0


async def try_rule_examples(folder: Path, rule: RuleDefinition) -> Trial:
    """Return how `rule` does on its examples. Raises `RasadError` where that cannot be found out."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.web.rule_trial", str(folder),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(msgspec.json.encode(rule)), _SECONDS)
        return msgspec.json.decode(output, type=Trial)
    except (TimeoutError, msgspec.DecodeError) as error:
        raise RasadError("the examples could not be run: see `rasad check`") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def run(folder: Path, rule: RuleDefinition) -> Trial:
    """Run the examples here. Filters are not looked at: an example has no outlet."""
    definitions = load_definitions(folder, Faults())
    pipeline = Pipeline(definitions, utc_now)
    rules = RuleSet([msgspec.structs.replace(rule, enabled=True)], named_queries(definitions.topics))
    cases = [(example, True) for example in rule.examples.match]
    cases += [(example, False) for example in rule.examples.not_match]
    results = []
    for example, is_expected in cases:
        article = pipeline.process(as_article(example, utc_now()))
        if not isinstance(article, tuple):
            score = next((match.score for match in rules.matches(article)), None)
            shown = article.title or article.text[:120]
            results.append(ExampleResult(shown, article.language, is_expected, score))
    return Trial(results=tuple(results))


def main() -> None:
    """Read a rule, write what became of its examples."""
    rule = msgspec.json.decode(sys.stdin.buffer.read(), type=RuleDefinition)
    sys.stdout.buffer.write(msgspec.json.encode(run(Path(sys.argv[1]), rule)))


if __name__ == "__main__":
    main()
