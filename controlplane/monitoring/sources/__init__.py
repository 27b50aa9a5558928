"""One module a subject: `figures()` reads rows and gives Prometheus's metric families.

Names follow Prometheus's conventions: base units, `_total` on what only grows, `_timestamp_seconds` on moments. Label
values come from our own code or from a short list, never from what people type.
"""
