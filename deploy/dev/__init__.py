"""Kafka, Elasticsearch, Prometheus and Alertmanager on this machine, without containers: see README.md."""
