"""Alerts: which rule an article fires, once for each story, and what is said about it. Pure."""

from streams.alerts.records import Alert
from streams.alerts.rules import RuleSet
from streams.alerts.stage import AlertStage

__all__ = ["Alert", "AlertStage", "RuleSet"]
