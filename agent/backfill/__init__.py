"""Looking back: articles from before a source was watched, from its archives and sitemaps.

    target ─ targets.py ─▶ documents ─ fetch, parse ─▶ links.py: where older ones are ─▶ documents …
                                            └─▶ entries ─▶ pages, decide (as for a poll) ─▶ Sink, channel `backfill`

What is done and what is left is part of the state that is delivered with the articles, so a run that is killed goes on
where it was and publishes nothing twice.
"""
