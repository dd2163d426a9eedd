"""What is written about more, or less, than it used to be, and the words that are new."""

from streams.trends.records import Trend
from streams.trends.watch import TrendWatch

__all__ = ["Trend", "TrendWatch"]
