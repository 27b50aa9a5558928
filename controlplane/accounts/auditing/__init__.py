"""The audit log: its only writer, the hash chain over its rows, retention and export. docs/audit.md specifies it."""
