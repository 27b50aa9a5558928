"""lake.bronze.events: every Kafka record, raw, with where it came from."""
