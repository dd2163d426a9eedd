"""Alerts in the SQLite file: what was decided, how its delivery goes, what the rules remember, and what is muted."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from streams import codec
from streams.alerts.deliveries import Delivery
from streams.alerts.mutes import FOR_EVER, Mute
from streams.alerts.records import Alert
from streams.alerts.stage import KeptStory
from streams.stores.records import microseconds
from streams.stores.sqlite.store import SqliteStore
from streams.stores.sqlite.transaction import SqliteTransaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REMOVED_AT_ONCE = 500
_DELIVERY_COLUMNS = (
    "key, destination, due_us, batch, status, attempts, first_tried_us, finished_us, alert_deliveries.detail"
)


class AlertSearch(Struct, frozen=True, kw_only=True):
    """Which alerts are asked for."""

    since: datetime | None = None
    until: datetime | None = None
    """Not included."""
    rule: str | None = None
    severity: str | None = None
    story: str | None = None
    alert: str | None = None
    """An alert's id, or its beginning."""
    limit: int = 100


class StoredAlert(Struct, frozen=True, kw_only=True):
    """An alert, and what became of it."""

    alert: Alert
    acknowledged_at: datetime | None = None
    deliveries: tuple[Delivery, ...] = ()


class AlertWriter:
    """Changes the tables of the alerts within an open transaction."""

    def __init__(self, transaction: SqliteTransaction) -> None:
        self._connection: sqlite3.Connection = transaction.connection

    def put(self, alerts: Iterable[Alert], deliveries: Iterable[Delivery]) -> None:
        """Keep new alerts and their deliveries; what is there already stays as it is."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO alerts (alert_id, rule_id, story_id, severity, created_us, record)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (a.alert_id, a.rule_id, a.story_id, a.severity, microseconds(a.created_at), codec.encode(a))
                for a in alerts
            ],
        )
        self._connection.executemany(
            "INSERT OR IGNORE INTO alert_deliveries (key, alert_id, destination, due_us, batch, status, attempts,"
            " detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    d.key,
                    d.alert.alert_id,
                    d.destination,
                    microseconds(d.due_at),
                    d.batch,
                    d.status,
                    d.attempts,
                    d.detail,
                )
                for d in deliveries
            ],
        )

    def unsaid(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Return `alerts` without first alerts on a story that another process (a replay) has alerted on meanwhile."""
        return [
            alert
            for alert in alerts
            if alert.reasons != ("story",)
            or not self._connection.execute(
                "SELECT 1 FROM alerts WHERE rule_id = ? AND story_id = ? LIMIT 1", (alert.rule_id, alert.story_id)
            ).fetchone()
        ]

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Note how deliveries have gone."""
        self._connection.executemany(
            "UPDATE alert_deliveries SET due_us = ?, batch = ?, status = ?, attempts = ?, first_tried_us = ?,"
            " finished_us = ?, detail = ? WHERE key = ?",
            [
                (
                    microseconds(d.due_at), d.batch, d.status, d.attempts, _maybe_us(d.first_tried_at),
                    _maybe_us(d.finished_at), d.detail, d.key,
                )
                for d in deliveries
            ],
        )  # fmt: skip

    def put_state(self, kept: Iterable[KeptStory], forget_before: datetime) -> None:
        """Keep what the rules remember of stories, and forget what lies before `forget_before`."""
        self._connection.executemany(
            "INSERT INTO alert_state (story_id, time_us, record) VALUES (?, ?, ?)"
            " ON CONFLICT (story_id) DO UPDATE SET time_us = excluded.time_us, record = excluded.record",
            [(one.story_id, microseconds(one.time), one.record) for one in kept],
        )
        self._connection.execute("DELETE FROM alert_state WHERE time_us < ?", (microseconds(forget_before),))

    def wake(self, key: str) -> int:
        """Let a delivery that was given up wait again, as if it had never been tried; return how many there were."""
        return self._connection.execute(
            "UPDATE alert_deliveries SET status = 'waiting', attempts = 0, first_tried_us = NULL, finished_us = NULL"
            " WHERE key = ? AND status IN ('undeliverable', 'dropped')",
            (key,),
        ).rowcount

    def remove_before(self, moment: datetime, most: int) -> int:
        """Remove alerts that were made before `moment`, `most` at once, with their deliveries; those of which one
        still waits stay. Return how many there were."""
        old = self._connection.execute(
            "SELECT alert_id FROM alerts WHERE created_us < ? AND NOT EXISTS (SELECT 1 FROM alert_deliveries AS d"
            " WHERE d.alert_id = alerts.alert_id AND d.status = 'waiting') ORDER BY created_us LIMIT ?",
            (microseconds(moment), most),
        ).fetchall()
        for table in ("alert_deliveries", "alerts"):
            self._connection.executemany(f"DELETE FROM {table} WHERE alert_id = ?", old)  # noqa: S608
        return len(old)

    def remove_mutes_before(self, moment: datetime) -> None:
        """Forget the mutes that ended before `moment`."""
        self._connection.execute("DELETE FROM alert_mutes WHERE until_us < ?", (microseconds(moment),))

    def mute(self, mute: Mute) -> None:
        """Keep a rule silent, on one story or altogether."""
        self._connection.execute(
            "INSERT INTO alert_mutes (rule_id, story_id, until_us) VALUES (?, ?, ?)"
            " ON CONFLICT (rule_id, story_id) DO UPDATE SET until_us = excluded.until_us",
            (mute.rule_id, mute.story_id or "", microseconds(mute.until)),
        )

    def unmute(self, rule_id: str, story_id: str | None = None) -> int:
        """Let a rule speak again; return how many mutes there were."""
        return self._connection.execute(
            "DELETE FROM alert_mutes WHERE rule_id = ? AND (?2 IS NULL OR story_id = ?2)", (rule_id, story_id)
        ).rowcount

    def acknowledge(self, alert_ids: Sequence[str], at: datetime) -> None:
        """Note that somebody has seen alerts."""
        self._connection.executemany(
            "UPDATE alerts SET acknowledged_us = ? WHERE alert_id = ? AND acknowledged_us IS NULL",
            [(microseconds(at), one) for one in alert_ids],
        )


class SqliteAlerts:
    """Reads the alerts of a store, and changes them in transactions of their own. Its methods block."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def state(self) -> list[bytes]:
        """Return what the rules remember of stories, the longest unchanged first."""
        with self._store.reading() as reader:
            return [record for (record,) in reader.execute("SELECT record FROM alert_state ORDER BY time_us")]

    def waiting_keys(self) -> set[str]:
        """Return the keys of the deliveries that are still to be made."""
        with self._store.reading() as reader:
            return {key for (key,) in reader.execute("SELECT key FROM alert_deliveries WHERE status = 'waiting'")}

    def waiting(self, besides: Collection[str] = ()) -> list[Delivery]:
        """Return the deliveries that are still to be made, in order of when they are due; `besides`: not these."""
        with self._store.reading() as reader:
            rows = reader.execute(
                f"SELECT {_DELIVERY_COLUMNS}, record FROM alert_deliveries JOIN alerts USING (alert_id)"  # noqa: S608
                " WHERE status = 'waiting' AND key NOT IN (SELECT value FROM json_each(?)) ORDER BY due_us, key",
                (msgspec.json.encode(list(besides)).decode(),),
            )
            return [_delivery(*row[:-1], alert=codec.decode(row[-1], Alert)) for row in rows]

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many deliveries there are by destination and status, those that were sent left out."""
        with self._store.reading() as reader:
            rows = reader.execute(
                "SELECT destination, status, count(*) FROM alert_deliveries WHERE status != 'sent' GROUP BY 1, 2"
            )
            return {(destination, status): count for destination, status, count in rows}

    def mutes(self) -> list[Mute]:
        """Return what is muted, also what was until lately."""
        with self._store.reading() as reader:
            rows = reader.execute("SELECT rule_id, story_id, until_us FROM alert_mutes ORDER BY 1, 2").fetchall()
        return [Mute(rule_id=rule, story_id=story or None, until=_moment(until)) for rule, story, until in rows]

    def find(self, search: AlertSearch) -> Iterator[StoredAlert]:
        """Yield the alerts asked for, newest first, with their deliveries."""
        with self._store.reading() as reader:
            rows = reader.execute(
                "SELECT alert_id, record, acknowledged_us FROM alerts WHERE created_us >= ?1 AND created_us < ?2"
                " AND (?3 IS NULL OR rule_id = ?3) AND (?4 IS NULL OR severity = ?4) AND (?5 IS NULL OR story_id = ?5)"
                " AND (?6 IS NULL OR substr(alert_id, 1, length(?6)) = ?6) ORDER BY seq DESC LIMIT ?7",
                (
                    microseconds(search.since) if search.since else -(1 << 62),
                    microseconds(search.until) if search.until else 1 << 62,
                    search.rule, search.severity, search.story, search.alert, search.limit,
                ),
            )  # fmt: skip
            for alert_id, record, acknowledged in rows:
                alert = codec.decode(record, Alert)
                deliveries = reader.execute(
                    f"SELECT {_DELIVERY_COLUMNS} FROM alert_deliveries WHERE alert_id = ? ORDER BY destination",  # noqa: S608
                    (alert_id,),
                )
                yield StoredAlert(
                    alert=alert,
                    acknowledged_at=_maybe_moment(acknowledged),
                    deliveries=tuple([_delivery(*row, alert=alert) for row in deliveries]),
                )

    def mute(self, mute: Mute) -> None:
        """Keep a rule silent."""
        with self._store.transaction() as transaction:
            AlertWriter(transaction).mute(mute)

    def unmute(self, rule_id: str, story_id: str | None = None) -> int:
        """Let a rule speak again; return how many mutes there were."""
        with self._store.transaction() as transaction:
            return AlertWriter(transaction).unmute(rule_id, story_id)

    def remove_before(self, moment: datetime) -> int:
        """Remove what was over before `moment`: alerts and their deliveries, and mutes; return how many alerts.

        Deliveries that still wait keep their alert. A transaction for every few hundred, so that articles are written
        between them.
        """
        with self._store.transaction() as transaction:
            AlertWriter(transaction).remove_mutes_before(moment)
        removed = 0
        while True:
            with self._store.transaction() as transaction:
                found = AlertWriter(transaction).remove_before(moment, _REMOVED_AT_ONCE)
            removed += found
            if found < _REMOVED_AT_ONCE:
                return removed

    def acknowledge(self, alert_ids: Sequence[str], at: datetime) -> None:
        """Note that somebody has seen alerts."""
        with self._store.transaction() as transaction:
            AlertWriter(transaction).acknowledge(alert_ids, at)


def _delivery(
    key: str,
    destination: str,
    due_us: int,
    batch: str | None,
    status: str,
    attempts: int,
    first_tried_us: int | None,
    finished_us: int | None,
    detail: str,
    *,
    alert: Alert,
) -> Delivery:
    return Delivery(
        key=key,
        destination=destination,
        alert=alert,
        due_at=_moment(due_us),
        batch=batch,
        status=status,  # type: ignore[arg-type]  # only `Delivery`s are written
        attempts=attempts,
        first_tried_at=_maybe_moment(first_tried_us),
        finished_at=_maybe_moment(finished_us),
        detail=detail,
    )


def _moment(us: int) -> datetime:
    return min(_EPOCH + timedelta(microseconds=us), FOR_EVER)


def _maybe_moment(us: int | None) -> datetime | None:
    return None if us is None else _moment(us)


def _maybe_us(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)
