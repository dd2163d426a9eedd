"""What is remembered of a subscription; kept in the feed's state."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

MAX_MISSED = 3
"""Polls in a row that found what no push had brought: the hub is then not relied on."""
RENEW_BEFORE = 0.1
"""Part of the lease that is left when it is renewed..."""
MIN_RENEW_BEFORE = timedelta(minutes=5)
"""...but at least so long before its end."""


class Subscription(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hub that a feed names, and what it has promised."""

    hub_url: str
    topic_url: str
    """The feed's `self`: what the hub knows it by."""
    callback: str = ""
    """The callback address that was subscribed with; one process's own."""
    verified_at: datetime | None = None
    lease_until: datetime | None = None
    pushed_at: datetime | None = None
    """When the last push with something new came."""
    missed: int = 0
    """Polls in a row, while subscribed, that found new articles."""

    def is_active(self, callback: str, now: datetime) -> bool:
        """Tell whether the hub pushes to `callback` now, as far as it has promised."""
        return self.lease_until is not None and self.callback == callback and self.lease_until > now

    def is_relied_on(self, callback: str, now: datetime) -> bool:
        """Tell whether polling may be left to seldom."""
        return self.is_active(callback, now) and self.missed < MAX_MISSED

    def renew_at(self, callback: str, now: datetime) -> datetime:
        """Return when to subscribe again; now or earlier where there is no subscription."""
        if not self.is_active(callback, now) or self.lease_until is None or self.verified_at is None:
            return now
        before = max((self.lease_until - self.verified_at) * RENEW_BEFORE, MIN_RENEW_BEFORE)
        return max(self.lease_until - before, self.verified_at + (self.lease_until - self.verified_at) / 2)
