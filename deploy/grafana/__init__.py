"""Grafana: the dashboard as code, and the files that provision it."""
