"""Article pages: reading the page behind a feed's entry where the feed says too little.

    article ─ rules.py ─▶ reader.py (robots.py, fetch.py with the guard) ─▶ pool.py (extract.py in processes) ─▶ Page
    Page ─ recurring.py (lines that recur over a source's articles) ─▶ apply.py ─▶ article with `text_origin: page`

Pages are hostile and HTML libraries are large: lxml and trafilatura are imported in worker processes only
(`agent.killable`), which are started when a page is to be read and ended when none was for a while.
"""
