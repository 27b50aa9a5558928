"""The first-run tour: one scenario through the whole pipeline, and the ledger that must balance."""
