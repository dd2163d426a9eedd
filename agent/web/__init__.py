"""The web page: what is stored, live and searchable, for people and for programs. Imported only when it is served.

request ─ guard (host, origin, login) ─▶ page or API ─▶ store ─▶ Jinja2 template, JSON, CSV, RSS
"""
