"""One module a gold view: its filters, its chart and its table."""
