"""The event generator: a plain Python package that also runs without Django.

`document` defines scenarios, `records` generates their records (identical bytes for the same seed and anchor),
`delivery` sends them, `pacing` sets the send times, `engine` runs everything.
"""
