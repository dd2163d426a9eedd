"""How to reach the cluster, and how its indices are made."""

from __future__ import annotations

from msgspec import Struct


class ElasticsearchOptions(Struct, frozen=True, kw_only=True):
    """Connection, index and bulk options; `agent.settings.ElasticsearchSettings` says what each means to a user."""

    url: str
    username: str | None = None
    password: str | None = None
    api_key: str | None = None
    ca_file: str | None = None
    index_prefix: str = "rasad"
    shards: int = 1
    replicas: int = 0
    retain_months: int | None = None
    bulk_articles: int = 500
    bulk_bytes: int = 8_000_000
    request_timeout_seconds: float = 60.0

    @property
    def index_pattern(self) -> str:
        """The pattern of all article indices."""
        return f"{self.index_prefix}-articles-*"

    @property
    def template_name(self) -> str:
        """The name of the index template, and of the life-cycle policy."""
        return f"{self.index_prefix}-articles"

    @property
    def stories_index(self) -> str:
        """The index of the stories, and the name of its template."""
        return f"{self.index_prefix}-stories"

    @property
    def trends_index(self) -> str:
        """The index of the trends, and the name of its template."""
        return f"{self.index_prefix}-trends"

    @property
    def alerts_index(self) -> str:
        """The index of the alerts, and the name of its template."""
        return f"{self.index_prefix}-alerts"

    def __repr__(self) -> str:
        # Options end up in logs and tracebacks; secrets must not.
        return f"ElasticsearchOptions(url={without_credentials(self.url)!r}, index_prefix={self.index_prefix!r})"


def without_credentials(url: str) -> str:
    """Return `url` without a user name and password."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
