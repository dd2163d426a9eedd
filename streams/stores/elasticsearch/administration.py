"""What a person does to the cluster: install the template, remove old months. Blocking, and tried once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from elastic_transport import SerializationError, TransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from streams.stores.elasticsearch.client import connect_blocking, translate
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.elasticsearch.template import index_template, lifecycle_policy, mappings, side_templates

_REMOVED_AT_ONCE = 1_000
_MONTH = re.compile(r"(\d{4})\.(\d{2})")


def install(options: ElasticsearchOptions) -> list[str]:
    """Put the index templates (and the life-cycle policy, where the cluster has such) and bring existing indices up to
    it.

    May be repeated. Returns a line for each thing done.

    Raises:
        StoreUnavailable, StoreHalted: the cluster cannot be asked, or does not permit it.
    """
    done: list[str] = []
    with _connected(options) as client:
        has_lifecycle = False
        if options.retain_months is not None:
            has_lifecycle = _put_lifecycle(client, options)
            done.append(
                f"life-cycle policy {options.template_name}: removes months after {options.retain_months}; "
                "`rasad admin retain` (cron) removes their stories and trends"
                if has_lifecycle
                else "this cluster has no life-cycle management: call `rasad admin retain` now and then (cron)"
            )
        body = index_template(options, lifecycle=has_lifecycle)
        client.indices.put_index_template(name=options.template_name, **_as_arguments(body))
        done.append(f"index template {options.template_name} for {options.index_pattern}")
        # Strict mappings refuse a field that a newer Rasad has added, also in the months that are there already.
        existing = article_indices(client, options)
        if existing:
            client.indices.put_mapping(
                index=existing, properties=mappings()["properties"], meta=mappings()["_meta"], dynamic="strict"
            )
            done.append(f"mapping of {len(existing)} existing indices")
        for name, body in side_templates(options).items():
            client.indices.put_index_template(name=name, **_as_arguments(body))
            done.append(f"index template {name}")
            if client.indices.get_settings(index=name, ignore_unavailable=True).body:
                mapping = body["template"]["mappings"]
                client.indices.put_mapping(index=name, properties=mapping["properties"], dynamic="strict")
    return done


def retain(options: ElasticsearchOptions, *, now: datetime | None = None) -> list[str]:
    """Remove every monthly index that is more than `retain_months` before this month; return their names.

    The name decides, not the age of the index: a month that was backfilled yesterday is as old as its articles.

    Raises:
        StoreUnavailable, StoreHalted: the cluster cannot be asked, or does not permit it.
    """
    if options.retain_months is None:
        return []
    today = now if now is not None else datetime.now(UTC)
    oldest_kept = today.year * 12 + today.month - 1 - options.retain_months
    with _connected(options) as client:
        old = [name for name in article_indices(client, options) if _months(name, options) < oldest_kept]
        for name in old:
            # By full name: a cluster may (and should) refuse to delete by pattern.
            client.indices.delete(index=name, ignore_unavailable=True)
        # Their stories and trends go with them: what has nothing later than the months that are kept.
        first_kept = datetime(oldest_kept // 12, oldest_kept % 12 + 1, 1, tzinfo=UTC).isoformat()
        fields = {options.stories_index: "last_time", options.trends_index: "hour", options.alerts_index: "created_at"}
        for index, field in fields.items():
            _remove_before(client, index, field, first_kept)
    return old


def remove_alerts(options: ElasticsearchOptions, before: datetime) -> int:
    """Remove the alerts that were made before a moment; return how many there were.

    Raises:
        StoreUnavailable, StoreHalted: the cluster cannot be asked, or does not permit it.
    """
    with _connected(options) as client:
        return _remove_before(client, options.alerts_index, "created_at", before.astimezone(UTC).isoformat())


def _remove_before(client: Elasticsearch, index: str, field: str, moment: str) -> int:
    # Not a delete by query, which is a module of its own that a small cluster may lack.
    removed = 0
    while True:
        answer = client.search(
            index=index,
            query={"range": {field: {"lt": moment}}},
            size=_REMOVED_AT_ONCE,
            source=False,
            track_total_hits=False,
            ignore_unavailable=True,
        )
        found = [hit["_id"] for hit in answer["hits"]["hits"]]
        if not found:
            return removed
        removed += len(found)
        client.bulk(index=index, operations=[{"delete": {"_id": one}} for one in found], refresh=True)


def article_indices(client: Elasticsearch, options: ElasticsearchOptions) -> list[str]:
    """Return the names of the monthly indices, oldest first; nothing else that happens to fit the pattern."""
    answer = client.indices.get_settings(
        index=options.index_pattern, name="index.uuid", ignore_unavailable=True, expand_wildcards=["open", "closed"]
    )
    return sorted(name for name in answer.body if _MONTH.fullmatch(_suffix(name, options)))


def _months(name: str, options: ElasticsearchOptions) -> int:
    found = _MONTH.fullmatch(_suffix(name, options))
    if found is None:
        raise ValueError(f"{name} is no index of articles")
    return int(found.group(1)) * 12 + int(found.group(2)) - 1


def _suffix(name: str, options: ElasticsearchOptions) -> str:
    return name.removeprefix(options.index_pattern.removesuffix("*"))


def _put_lifecycle(client: Elasticsearch, options: ElasticsearchOptions) -> bool:
    assert options.retain_months is not None  # noqa: S101  (the caller has looked)
    try:
        client.ilm.put_lifecycle(name=options.template_name, policy=lifecycle_policy(options.retain_months))
    except ApiError as error:
        # A cluster without the feature has no handler for the address; one that hides it (serverless) answers 410.
        if "no handler found" in str(error.body) or error.status_code in (404, 405, 410):
            return False
        raise
    return True


def _as_arguments(body: dict[str, Any]) -> dict[str, Any]:
    return {"meta" if name == "_meta" else name: value for name, value in body.items()}


@contextmanager
def _connected(options: ElasticsearchOptions) -> Iterator[Elasticsearch]:
    client = connect_blocking(options)
    try:
        yield client
    except (ApiError, TransportError, SerializationError, UnsupportedProductError) as error:
        raise translate(error, options) from error
    finally:
        client.close()
