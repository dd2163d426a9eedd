"""The article store behind one protocol (`base.py`): SQLite for the embedded agent, Elasticsearch for the cluster."""
