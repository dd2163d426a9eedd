"""`rasad check`: is everything in the configuration as its author meant it?"""

from __future__ import annotations

import click


@click.command(epilog="Example: rasad check --config my-config")
@click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped one)."
)
def command(folder: str | None) -> int:
    """Check every file of the configuration and run every example in it.

    Prints what is wrong with file and line. Exits with 0 when all is well, 1 when an example comes out wrong or a query
    names an entity or topic that is not there, 2 when the configuration has faults (nothing is run then).
    """
    from agent.alerts.check import run_rule_examples, unknown_in_rules
    from agent.config_files import Faults
    from agent.definitions import load_with_alerts, located_frames
    from agent.examples import located_topics, run_examples, unknown_names
    from agent.settings import config_folder
    from streams.pipeline import utc_now

    _, definitions, alerts = load_with_alerts(folder)
    topics = located_topics(config_folder(folder))
    frames = located_frames(config_folder(folder), Faults())
    result = run_examples([*topics, *frames], definitions, utc_now)
    of_rules = run_rule_examples(alerts, definitions, utc_now)
    wrong = [
        *unknown_names([*topics, *frames], definitions),
        *unknown_in_rules(alerts.located, definitions),
        *result.failures,
        *of_rules.failures,
    ]
    for failure in wrong:
        click.echo(str(failure))
    labels = sum(not topic.is_concept for topic, _ in topics)
    run = result.run + of_rules.run
    good = run - len(result.failures) - len(of_rules.failures)
    click.echo(
        f"{labels} topics, {len(definitions.entities)} entities, {len(definitions.sources)} sources, "
        f"{len(definitions.frames)} frames, {len(alerts.located)} alert rules; "
        f"{good} of {run} examples as they should be"
    )
    return 1 if wrong else 0
