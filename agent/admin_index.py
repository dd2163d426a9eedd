"""What `rasad admin` does to Elasticsearch: `init` installs the index template, `retain` removes old months."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from agent.open_store import elasticsearch_options, user_error
from streams.stores.base import StoreError

if TYPE_CHECKING:
    from agent.settings import Settings


def install_templates(settings: Settings) -> list[str]:
    """Install the index template, and the life-cycle policy where the cluster has such; may be repeated.

    Returns a line for each thing done.

    Raises:
        ServiceUnavailable, StoreFault: the cluster cannot be reached, or does not permit it.
    """
    from streams.stores.elasticsearch.administration import install

    try:
        return install(elasticsearch_options(settings))
    except StoreError as error:
        raise user_error(error) from error


def retain(settings: Settings, *, now: datetime | None = None) -> list[str]:
    """Remove monthly indices older than `elasticsearch.retain_months`; return their names. Empty setting: none.

    Raises:
        ServiceUnavailable, StoreFault: the cluster cannot be reached, or does not permit it.
    """
    from streams.stores.elasticsearch import administration

    try:
        return administration.retain(elasticsearch_options(settings), now=now)
    except StoreError as error:
        raise user_error(error) from error
