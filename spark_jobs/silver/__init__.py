"""Silver: typed, cleaned and unique, and beside it what was rejected and why."""
