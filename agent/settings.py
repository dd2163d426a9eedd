"""Settings: each option declared once, with its unit, default and help.

Read from `rasad.yaml` in the configuration folder, then from the environment as `RASAD_<SECTION>__<KEY>`
(`RASAD_KAFKA__BOOTSTRAP_SERVERS`); `…_FILE` names a file that holds a secret. `docs/reference/settings.md` is
generated from here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from agent.config_files import Faults, load_struct

Seconds = Annotated[float, Meta(gt=0, le=86_400 * 366)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Count = Annotated[int, Meta(ge=1)]
Secret = Annotated[str | None, Meta(extra={"secret": True})]


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Annotated[Literal["sqlite", "elasticsearch"], Meta(description="store that search, tail and web read")] = (
        "sqlite"
    )
    path: Annotated[str, Meta(description="SQLite file of the embedded agent")] = "var/rasad.sqlite"


class KafkaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    bootstrap_servers: Annotated[str, Meta(description="host:port, several separated by commas")] = "127.0.0.1:9092"
    channel_prefix: Annotated[str, Meta(description="prepended to every channel name", pattern="^[a-zA-Z0-9._-]*$")] = (
        "rasad."
    )
    partitions: Annotated[
        int, Meta(ge=1, le=1000, description="partitions of each channel made by `rasad admin init`")
    ] = 8
    replication_factor: Annotated[
        int, Meta(ge=1, le=10, description="copies of each partition; 3 on a real cluster")
    ] = 1
    max_message_bytes: Annotated[int, Meta(ge=10_000, le=50_000_000, description="largest record accepted")] = 2_000_000
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: Secret = None
    ca_file: str | None = None


class ElasticsearchSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[str, Meta(description="one node or load balancer", pattern="^https?://")] = "http://127.0.0.1:9200"
    username: str | None = None
    password: Secret = None
    api_key: Secret = None
    ca_file: str | None = None
    index_prefix: Annotated[
        str, Meta(description="index names are <prefix>-articles-YYYY.MM", pattern="^[a-z0-9][a-z0-9_.-]*$")
    ] = "rasad"
    shards: Count = 1
    replicas: Annotated[int, Meta(ge=0)] = 0
    retain_months: Annotated[
        int | None,
        Meta(description="monthly indices older than this are removed by `rasad admin retain`; empty keeps all"),
    ] = None
    bulk_articles: Annotated[int, Meta(ge=1, le=10_000, description="documents per bulk request")] = 500
    bulk_bytes: Annotated[int, Meta(ge=1000, description="bytes per bulk request")] = 8_000_000
    request_timeout_seconds: Seconds = 60.0


class KibanaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[
        str, Meta(description="where `rasad admin kibana` imports; with its base path", pattern="^https?://")
    ] = "http://127.0.0.1:5601"
    space: Annotated[str, Meta(description="Kibana's space to import into", pattern="^[a-z0-9_-]+$")] = "default"
    username: str | None = None
    password: Secret = None
    api_key: Secret = None
    ca_file: str | None = None


class CollectSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    user_agent: Annotated[
        str, Meta(description="sent with every request; name a contact so that publishers can reach you")
    ] = "Rasad/0.1 (news monitoring; set collect.user_agent to your contact)"
    interval_seconds: Annotated[
        float,
        Meta(
            ge=5,
            le=86_400,
            description="time between two polls of a feed that sets none and publishes 36 entries a day",
        ),
    ] = 600.0
    adaptive: Annotated[
        bool,
        Meta(
            description="poll feeds that publish much oftener, and others more rarely; false, or an interval_seconds "
            "below min_interval_seconds: all alike"
        ),
    ] = True
    min_interval_seconds: Annotated[
        float, Meta(ge=5, le=86_400, description="shortest time between two polls that is chosen by tempo")
    ] = 300.0
    max_interval_seconds: Annotated[
        float, Meta(ge=60, le=86_400, description="longest time between two polls that is chosen by tempo")
    ] = 86_400.0
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=600, description="deadline of one fetch, connection to last byte")
    ] = 30.0
    max_feed_bytes: Annotated[
        int, Meta(ge=10_000, le=100_000_000, description="largest feed accepted, after decompression")
    ] = 10_000_000
    concurrency: Annotated[int, Meta(ge=1, le=2000, description="fetches at the same time")] = 256
    per_host_concurrency: Annotated[int, Meta(ge=1, le=100, description="fetches at the same time from one host")] = 2
    per_host_spacing_seconds: Annotated[
        float, Meta(ge=0, le=3600, description="least time from one request to the next at one host")
    ] = 0.25
    ports: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=65_535)], ...],
        Meta(description="ports that may be connected to; hosts of allow_private_hosts are open on all of theirs"),
    ] = (80, 443, 8000, 8008, 8080, 8081, 8088, 8443, 8888)
    proxy: Annotated[
        str | None,
        Meta(
            description="http://host:port that everything is fetched through; it must refuse private addresses itself",
            extra={"secret": True},
        ),
    ] = None
    ca_file: Annotated[
        str | None, Meta(description="file with certificates trusted beside the system's (PEM), for an intranet")
    ] = None
    parse_workers: Annotated[int, Meta(ge=1, le=64, description="processes that parse feeds")] = 1
    parse_seconds: Annotated[
        float, Meta(gt=0, le=60, description="CPU seconds one feed may cost before its parser is killed")
    ] = 0.8
    parse_memory_bytes: Annotated[int, Meta(ge=100_000_000, description="address space one parser process may use")] = (
        1_500_000_000
    )
    max_age_days: Annotated[
        int, Meta(ge=1, description="an entry older than this is stored with date_is_reliable=false")
    ] = 3650
    allow_private_hosts: Annotated[
        tuple[str, ...],
        Meta(description="host names or CIDR networks, otherwise refused, that may be fetched: your intranet"),
    ] = ()


class PageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    read: Annotated[
        Literal["auto", "always", "never"],
        Meta(
            description="read the page of an article; auto: where the feed's text is short. "
            "By feed, source or host: pages/*.yaml"
        ),
    ] = "auto"
    short_text_chars: Annotated[
        int, Meta(ge=0, le=100_000, description="a feed's text with fewer characters is short")
    ] = 600
    max_page_bytes: Annotated[
        int, Meta(ge=10_000, le=50_000_000, description="largest page accepted, after decompression")
    ] = 5_000_000
    timeout_seconds: Annotated[float, Meta(gt=0, le=300, description="deadline of one page, request to last byte")] = (
        15.0
    )
    deadline_seconds: Annotated[
        float,
        Meta(gt=0, le=600, description="longest wait of a feed's articles for their pages; then they go without"),
    ] = 25.0
    max_pages_per_poll: Annotated[
        int, Meta(ge=1, le=1000, description="most pages read for one poll of a feed, the newest first")
    ] = 20
    concurrency: Annotated[int, Meta(ge=1, le=200, description="pages read at the same time, over all hosts")] = 16
    host_spacing_seconds: Annotated[
        float,
        Meta(ge=0, le=600, description="least time between two pages of one host; its Crawl-delay may ask for more"),
    ] = 1.0
    boilerplate_articles: Annotated[
        int, Meta(ge=2, le=100, description="different articles of a source in which a line must recur to be cut")
    ] = 4
    extract_workers: Annotated[int, Meta(ge=1, le=32, description="processes that read pages")] = 1
    extract_seconds: Annotated[
        float, Meta(gt=0, le=60, description="CPU seconds one page may cost before its process is killed")
    ] = 5.0
    extract_memory_bytes: Annotated[
        int, Meta(ge=200_000_000, description="address space one of these processes may use")
    ] = 1_500_000_000


class WebSubSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    callback_url: Annotated[
        Annotated[str, Meta(pattern="^https?://[^?#\\s]+$")] | None,
        Meta(
            description="public address at which hubs reach this process (http or https, without query); "
            "empty turns WebSub off"
        ),
    ] = None
    secret: Annotated[
        str | None,
        Meta(
            description="what callback paths and signatures are derived from, 16 characters or more; needed with "
            "websub.callback_url, the same in every collector",
            extra={"secret": True},
        ),
    ] = None
    host: Annotated[
        str, Meta(description="address that hubs' calls are listened for on; a proxy before it may add TLS")
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="0 takes a free port")] = 8766
    lease_seconds: Annotated[
        float, Meta(ge=300, le=86_400 * 60, description="how long hubs are asked to push before they are asked again")
    ] = 864_000.0
    poll_seconds: Annotated[
        float, Meta(ge=60, le=86_400, description="time between two polls of a feed whose hub pushes reliably")
    ] = 3600.0
    max_push_bytes: Annotated[int, Meta(ge=10_000, le=50_000_000, description="largest push accepted")] = 5_000_000
    pushes_per_minute: Annotated[
        float, Meta(gt=0, le=6000, description="pushes of one feed taken in a minute, after a burst of 20")
    ] = 60.0


class WorkerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    consumer_group: str = "rasad"
    batch_articles: Annotated[int, Meta(ge=1, le=5000, description="records taken together by a stage")] = 200
    batch_wait_seconds: Annotated[float, Meta(gt=0, le=10, description="longest wait for a batch to fill")] = 0.05
    outage_seconds: Annotated[
        float,
        Meta(ge=60, le=86_400, description="longest outage of a store that a worker sits out in its group"),
    ] = 3600.0
    session_seconds: Annotated[
        float, Meta(ge=1, le=300, description="silence after which a worker is taken for dead and its partitions move")
    ] = 15.0
    stuck_seconds: Annotated[
        float, Meta(ge=5, le=86_400, description="time without progress, though records wait, before a worker restarts")
    ] = 300.0


class AlertSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    web_url: Annotated[
        Annotated[str, Meta(pattern="^https?://[^?#\\s]+$")] | None,
        Meta(description="address of the web page; alerts then link to the story there"),
    ] = None
    kibana_url: Annotated[
        Annotated[str, Meta(pattern="^https?://[^?#\\s]+$")] | None,
        Meta(description="address of Kibana; alerts then link to Discover with the rule's query"),
    ] = None
    feed_folder: Annotated[str, Meta(description="folder that the Atom and JSON feeds of alerts are written to")] = (
        "var/alerts"
    )
    feed_url: Annotated[
        Annotated[str, Meta(pattern="^https?://[^?#\\s]+$")] | None,
        Meta(description="address at which alerts.feed_folder is served, if not by `rasad web` at alerts.web_url"),
    ] = None
    give_up_seconds: Annotated[
        float, Meta(ge=60, le=86_400 * 30, description="time for which a delivery is tried again before it is given up")
    ] = 86_400.0
    retain_days: Annotated[
        Annotated[int, Meta(ge=31)] | None,
        Meta(
            description="alerts older than this are removed, with how their deliveries went: by the running agent, "
            "by `rasad deliver`, and by `rasad admin retain`; empty keeps all"
        ),
    ] = 366
    watch_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="time between two looks for changed files of rules and destinations")
    ] = 2.0
    allow_private_hosts: Annotated[
        tuple[str, ...],
        Meta(description="host names or CIDR networks, otherwise refused, that webhooks may go to: your intranet"),
    ] = ()


class MetricsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: Annotated[
        str, Meta(description="address of /metrics, /healthz and /readyz; anything but loopback needs metrics.token")
    ] = "127.0.0.1"
    port: Annotated[Port | None, Meta(description="0 takes a free port; empty turns the endpoint off")] = None
    token: Annotated[str | None, Meta(description="bearer token that /metrics asks for", extra={"secret": True})] = None


class WebSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: Annotated[str, Meta(description="address of the web page; anything but loopback needs web.users_file")] = (
        "127.0.0.1"
    )
    port: Annotated[Port | None, Meta(description="0 takes a free port; empty turns the page off")] = 8765
    users_file: Annotated[
        str | None, Meta(description="YAML file of who may log in: docs/how-to/web-users.md; empty: nobody has to")
    ] = None
    public_url: Annotated[
        Annotated[str, Meta(pattern="^https?://[^/?#\\s]+/?$")] | None,
        Meta(description="address that visitors reach the page at, where a proxy stands before it"),
    ] = None


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All options of all processes."""

    store: StoreSettings = StoreSettings()
    kafka: KafkaSettings = KafkaSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    kibana: KibanaSettings = KibanaSettings()
    collect: CollectSettings = CollectSettings()
    pages: PageSettings = PageSettings()
    websub: WebSubSettings = WebSubSettings()
    worker: WorkerSettings = WorkerSettings()
    alerts: AlertSettings = AlertSettings()
    metrics: MetricsSettings = MetricsSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()


def config_folder(given: str | None = None) -> Path:
    """Return the configuration folder: `--config`, `RASAD_CONFIG`, `./config`, or the one shipped in the package."""
    for candidate in (given, os.environ.get("RASAD_CONFIG")):
        if candidate:
            return Path(candidate)
    here = Path("config")
    if (here / "rasad.yaml").is_file():
        return here
    packaged = Path(__file__).parent / "_config"
    if packaged.is_dir():
        return packaged
    return Path(__file__).parent.parent / "config"


def load_settings(folder: Path, faults: Faults, environ: Mapping[str, str] | None = None) -> Settings:
    """Read `rasad.yaml` in `folder` and the environment; faults are noted, and defaults stand in for faulty parts."""
    settings = Settings()
    path = folder / "rasad.yaml"
    if not folder.is_dir():
        faults.add(folder, 0, "no such configuration folder: pass --config FOLDER")
    elif path.exists() and (loaded := load_struct(path, Settings, faults)):
        settings = loaded[0]
    return _with_environment(settings, os.environ if environ is None else environ, faults)


def _with_environment(settings: Settings, environ: Mapping[str, str], faults: Faults) -> Settings:
    sections = get_type_hints(Settings)
    for name, text in sorted(environ.items()):
        if not name.startswith("RASAD_") or "__" not in name:
            continue
        section_name, _, key = name[len("RASAD_") :].lower().partition("__")
        value: str | None = text
        if key.endswith("_file") and key not in {"ca_file", "users_file"}:
            key = key.removesuffix("_file")
            value = _secret_file(name, text, faults)
            if value is None:
                continue
        section: Any = getattr(settings, section_name, None)
        fields = {f.name: f for f in msgspec.structs.fields(type(section))} if section is not None else {}
        if section_name not in sections or key not in fields:
            faults.add(f"environment variable {name}", 0, "names no setting: see docs/reference/settings.md")
            continue
        try:
            typed = _from_text(value or "", fields[key].type)
        except msgspec.ValidationError as error:
            faults.add(f"environment variable {name}", 0, str(error).partition(" - at ")[0].replace("`", "'"))
            continue
        settings = msgspec.structs.replace(settings, **{section_name: msgspec.structs.replace(section, **{key: typed})})
    return settings


def _from_text(text: str, kind: Any) -> Any:
    if text == "":
        try:
            return msgspec.convert(None, kind)
        except msgspec.ValidationError:
            pass
    if "tuple" in str(kind):
        return msgspec.convert([part.strip() for part in text.split(",") if part.strip()], kind, strict=False)
    return msgspec.convert(text, kind, strict=False)


def _secret_file(name: str, path: str, faults: Faults) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        faults.add(
            f"environment variable {name}",
            0,
            f"the secret file cannot be read: {getattr(error, 'strerror', None) or error}",
        )
        return None
