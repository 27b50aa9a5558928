"""Gold: the figures people look at."""
