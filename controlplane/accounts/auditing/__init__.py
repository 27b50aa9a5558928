"""The audit: its one writer, the hash chain over its rows, their retention and export. docs/audit.md specifies it."""
