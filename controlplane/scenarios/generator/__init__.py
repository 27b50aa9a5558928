"""The event generator: a plain Python package that also runs without Django.

`document` says what a scenario is, `records` turns one into records (the same bytes for the same seed and anchor),
`delivery` takes them somewhere, `pacing` says when, `engine` runs it all.
"""
