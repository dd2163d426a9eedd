"""The article store in an Elasticsearch cluster."""

from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.elasticsearch.store import ElasticsearchStore

__all__ = ["ElasticsearchOptions", "ElasticsearchStore"]
