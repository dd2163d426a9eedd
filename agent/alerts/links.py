"""The links of a message: to the article, to its story, and to Kibana Discover with the rule's query."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from msgspec import Struct

from agent.alerts.safe import web_address
from streams.alerts.records import Alert

_BEFORE, _AFTER = timedelta(days=2), timedelta(days=1)


class Links(Struct, frozen=True, kw_only=True):
    """Where pages are served; what is None is not linked to."""

    web_url: str | None = None
    kibana_url: str | None = None
    data_view: str = "rasad-articles"

    def article(self, alert: Alert) -> str | None:
        """Return the address of the article, where it is one that may be linked to."""
        return web_address(alert.article.url) if alert.article is not None else None

    def story(self, alert: Alert) -> str | None:
        """Return the address of the story's page."""
        if self.web_url is None or alert.story_id is None:
            return None
        return f"{self.web_url.rstrip('/')}/stories/{quote(alert.story_id, safe='')}"

    def discover(self, alert: Alert) -> str | None:
        """Return the address of Kibana Discover with the rule's query, over the days around the alert."""
        if self.kibana_url is None or not alert.query:
            return None
        low, high = (f"{alert.created_at + by:%Y-%m-%dT%H:%M:%S.000Z}" for by in (-_BEFORE, _AFTER))
        # Rison in the fragment, as Kibana reads it: `!` escapes `'` and itself.
        query = alert.query.replace("!", "!!").replace("'", "!'").replace("\n", " ")
        view, query = quote(self.data_view, safe=""), quote(query, safe="")
        state = (
            f"(dataSource:(dataViewId:'{view}',type:dataView),index:'{view}',query:(language:lucene,query:'{query}'))"
        )
        return f"{self.kibana_url.rstrip('/')}/app/discover#/?_g=(time:(from:'{low}',to:'{high}'))&_a={state}"

    def all(self, alert: Alert) -> dict[str, str]:
        """Return the links there are: `article`, `story`, `discover`."""
        links = {"article": self.article(alert), "story": self.story(alert), "discover": self.discover(alert)}
        return {name: link for name, link in links.items() if link is not None}
