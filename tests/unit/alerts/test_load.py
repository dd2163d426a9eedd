"""Rules and destinations from files: every fault by file and line, reload, and secrets that stay secret."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from agent.alerts.check import run_rule_examples, unknown_in_rules
from agent.alerts.destinations import DestinationDefinition, SecretMissing, secret_of
from agent.alerts.load import AlertConfig, load_alerts
from agent.config_files import Faults
from agent.definitions import load_definitions
from agent.reload import Reloader
from streams.definitions import Definitions
from streams.metrics import Metrics
from streams.pipeline import utc_now
from tests.unit.alerts.kit import PATIENCE_SECONDS

NOTHING = Definitions()
GOOD = "rules:\n  - {id: good, name: Good, query: normalization, channels: [desk]}\n"
DESK = "destinations:\n  - {id: desk, kind: stdout}\n"


def write(folder: Path, rules: str, destinations: str = DESK) -> Path:
    for name, text in (("alerts", rules), ("destinations", destinations)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "a.yaml").write_text(text, encoding="utf-8")
    return folder


def load(folder: Path) -> tuple[AlertConfig, list[str]]:
    faults = Faults()
    config = load_alerts(folder, NOTHING, faults)
    return config, [f"{Path(fault.path).parent.name}:{fault.line} {fault.message}" for fault in sorted(faults.found)]


def test_every_fault_is_told_with_its_line_and_good_rules_are_kept(tmp_path: Path) -> None:
    rules = """\
rules:
  - {id: good, name: Good, query: normalization, channels: [desk]}
  - {id: good, name: Again, query: normalization}
  - id: bad-query
    name: Bad
    query: "(unclosed"
  - id: bad-name
    name: Bad
    query: "@nobody"
  - id: lost
    name: Lost
    query: a
    channels: [desk, nowhere]
  - id: zone
    name: Zone
    query: a
    schedule: {every: day, time_zone: Asia/Damascu}
  - {id: both, name: Both, query: a, trend: {kinds: [spike]}}
  - {id: none, name: None at all}
  - {id: growth, name: G, query: a, realert: {growth: 1}}
  - {id: unknown, name: U, query: a, realrt: {language: true}}
  - {id: quiet, name: Q, query: a, schedule: {quiet_from: "22:00"}}
  - {id: hour, name: H, query: a, schedule: {at: "7:00"}}
  - {id: sources, name: S, query: a, min_sources: 0}
  - {id: values, name: V, trend: {values: [x]}}
"""
    destinations = """\
destinations:
  - {id: desk, kind: stdout}
  - {id: hook, kind: webhook, url: "https://a.example/"}
  - {id: user, kind: webhook, url: "https://u:p@a.example/", credentials: hook}
  - {id: mail, kind: mail, host: smtp.example, sender: a@b.example, to: ["not an address"]}
  - {id: open, kind: mail, host: smtp.example, tls: none, credentials: x, sender: a@b.example, to: [c@d.example]}
  - {id: extra, kind: stdout, url: "https://a.example/"}
  - {id: zone, kind: stdout, time_zone: Nowhere/City}
"""
    config, faults = load(write(tmp_path, rules, destinations))
    assert list(config.rules.rules) == ["good"]
    starts = [
        "alerts:3 rule 'good' is defined twice",
        "alerts:6 rule 'bad-query': ",
        "alerts:9 rule 'bad-name': ",
        "alerts:13 rule 'lost': there is no destination 'nowhere'",
        "alerts:17 rule 'zone': there is no time zone 'Asia/Damascu'",
        "alerts:18 give either 'query' or 'trend'",
        "alerts:19 give either 'query' or 'trend'",
        "alerts:20 realert.growth",
        "alerts:21 unknown key 'realrt': did you mean 'realert'?",
        "alerts:22 give both 'quiet_from' and 'quiet_to'",
        "alerts:23 schedule.at",
        "alerts:24 min_sources",
        "alerts:25 'values' need 'series",
        "destinations:3 a destination of kind webhook needs 'credentials'",
        "destinations:4 'url' must not hold a user name",
        "destinations:5 'not an address' is no mail address",
        "destinations:6 a password is not sent in the open",
        "destinations:7 a destination of kind stdout has no 'url'",
        "destinations:8 there is no time zone",
    ]
    assert len(faults) == len(starts), faults
    for fault, start in zip(faults, starts, strict=True):
        assert fault.startswith(start), (fault, start)


@pytest.mark.parametrize("text", ["", "rules:\n", "rules: []\n"])
def test_no_rules_are_fine(tmp_path: Path, text: str) -> None:
    config, faults = load(write(tmp_path, text))
    assert (len(config.rules), faults) == (0, [])


@pytest.mark.parametrize("text", ["rules: 7\n", "- 7\n", "rules: {id: [}\n", "\x00", "rules:\n  - null\n"])
def test_what_is_no_list_of_rules_is_a_fault_and_no_traceback(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, text))[1]


def test_examples_are_run_through_the_stages(tmp_path: Path) -> None:
    rules = """\
rules:
  - id: one
    name: One
    query: normalization
    enabled: false
    examples:
      match: ["Talks on normalization", "Talks on football"]
      not_match: [{title: "Football"}, {title: "Football", text: "and normalization"}]
  - {id: two, name: Two, query: "entity:nobody"}
"""
    config, faults = load(write(tmp_path, rules))
    assert faults == []
    counted = run_rule_examples(config, NOTHING, utc_now)
    assert counted.run == 4
    assert [(failure.line, failure.message.partition(":")[0]) for failure in counted.failures] == [
        (7, "rule one"),
        (8, "rule one"),
    ]
    assert [fault.line for fault in unknown_in_rules(config.located, NOTHING)] == [9]


def test_the_shipped_rules_are_good() -> None:
    faults = Faults()
    definitions = load_definitions(Path("config"), faults)
    config = load_alerts(Path("config"), definitions, faults)
    assert faults.found == [] and len(config.rules) >= 4
    assert unknown_in_rules(config.located, definitions) == []
    counted = run_rule_examples(config, definitions, utc_now)
    assert counted.failures == [] and counted.run > 10


def test_a_secret_comes_from_the_environment_or_a_file_and_shows_nowhere(tmp_path: Path) -> None:
    hook = DestinationDefinition(id="ops", kind="webhook", url="https://a.example/", credentials="ops-hook")
    assert secret_of(hook, {"RASAD_ALERT_SECRET_OPS_HOOK": " s3cret \n"}) == "s3cret"
    path = tmp_path / "secret"
    path.write_text("from-file\n", encoding="utf-8")
    assert secret_of(hook, {"RASAD_ALERT_SECRET_OPS_HOOK_FILE": str(path)}) == "from-file"
    for environ in (
        {},
        {"RASAD_ALERT_SECRET_OPS_HOOK": "  "},
        {"RASAD_ALERT_SECRET_OPS_HOOK_FILE": str(tmp_path / "none")},
    ):
        with pytest.raises(SecretMissing, match="RASAD_ALERT_SECRET_OPS_HOOK"):
            secret_of(hook, environ)


class Used:
    def __init__(self) -> None:
        self.configs: list[AlertConfig] = []
        self.changed = asyncio.Condition()

    async def use(self, config: AlertConfig) -> None:
        async with self.changed:
            self.configs.append(config)
            self.changed.notify_all()

    async def wait_for(self, count: int) -> AlertConfig:
        async with asyncio.timeout(PATIENCE_SECONDS), self.changed:
            await self.changed.wait_for(lambda: len(self.configs) >= count)
        return self.configs[-1]


async def test_a_changed_file_is_taken_over_and_a_faulty_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.unit.alerts.kit import until

    folder = write(tmp_path, GOOD)
    used, metrics = Used(), Metrics()
    async with Reloader(folder, NOTHING, metrics, watch_seconds=0.02, use_alerts=used.use) as reloader:
        write(folder, GOOD + "  - {id: second, name: Second, query: talks}\n")
        assert list((await used.wait_for(1)).rules.rules) == ["good", "second"]
        count = reloader.reloads
        write(folder, "rules:\n  - {id: good, name: Good, query: '(('}\n")
        await until(lambda: reloader.reloads > count)
        assert len(used.configs) == 1
        assert "a.yaml:2: rule 'good'" in caplog.text
        assert metrics.registry.get_sample_value("rasad_alert_config_faulty") == 1
        write(folder, GOOD + "  - {id: third, name: Third, query: talks}\n")
        assert "third" in (await used.wait_for(2)).rules.rules
        assert metrics.registry.get_sample_value("rasad_alert_config_faulty") == 0


async def test_sighup_reads_again_though_nothing_has_changed(tmp_path: Path) -> None:
    used = Used()
    async with Reloader(write(tmp_path, GOOD), NOTHING, Metrics(), watch_seconds=3600, use_alerts=used.use):
        os.kill(os.getpid(), signal.SIGHUP)
        await used.wait_for(1)
