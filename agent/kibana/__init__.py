"""Kibana's saved objects, made by code from the index mapping, and their import.

mapping ─▶ fields ─▶ data views, saved searches, Lens charts ─▶ dashboards ─▶ deploy/kibana/*.ndjson, POST _import
"""
