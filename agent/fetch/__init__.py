"""The only way out to the web: one HTTP client, its address guard, its pace, its limits.

fetcher.py ─▶ pacing.py ─▶ client.py (resolve.py, guard.py) ─▶ headers.py, decompress.py
"""
