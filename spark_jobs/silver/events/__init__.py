"""lake.silver.events and lake.silver.quarantine: one build writes both."""
