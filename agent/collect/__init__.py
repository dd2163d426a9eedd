"""Collecting: schedule, fetch, parse, decide, deliver.

    feeds.py ─▶ collector.py ─ fetch.py (guard.py) ─▶ parse_pool.py (parse.py in worker processes) ─▶ decide.py ─▶ Sink

The parser processes import this package, so it imports nothing by itself; take each door from its module.
"""
