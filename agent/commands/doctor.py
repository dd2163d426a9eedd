"""`rasad doctor`: one line for each thing that can be wrong, with what to do next."""

from __future__ import annotations

import dataclasses
import json

import click

_MARKS = {"ok": "ok", "warning": "WARN", "fault": "FAULT", "skipped": "-"}


@click.command(epilog="Example: rasad doctor --json | jq '.[] | select(.level != \"ok\")'")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
@click.option(
    "--distributed/--embedded",
    default=None,
    help="Look at Kafka and Elasticsearch, or not (default: if they are configured).",
)
@click.option("--json", "as_json", is_flag=True, help="The findings as one JSON array.")
def command(folder: str | None, distributed: bool | None, as_json: bool) -> int:
    """Check this installation: configuration, services, channels, lag, quarantine, clock, disk.

    Exit code 0 when nothing is at fault, 1 otherwise. Warnings are no faults.
    """
    import logging

    from agent.doctor import examine

    # The clients' own words would come between the lines; what they mean is in the findings.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    findings = []
    try:
        for finding in examine(folder, distributed=distributed):
            findings.append(finding)
            if not as_json:
                advice = f"  → {finding.advice}" if finding.advice else ""
                click.echo(f"{_MARKS[finding.level]:6}{finding.check}: {finding.detail}{advice}")
    finally:
        logging.disable(before)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(f) for f in findings], ensure_ascii=False, indent=1))
    return 1 if any(finding.level == "fault" for finding in findings) else 0
