"""The distributed runtime: what moves records between Kafka and the stages. `streams.app` is its door."""
