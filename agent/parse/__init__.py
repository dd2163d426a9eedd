"""From the bytes of a feed to plain values (`records.ParsedFeed`), in processes that can be killed.

    pool.py ─▶ worker.py ─▶ feed.py (document.py, encoding.py, mend.py)
                              └─▶ fast.py, feedparser, jsonfeed.py or sitemap.py ─▶ entries.py

The parser processes import this package, so it imports nothing by itself; take each door from its module.
"""
