"""Bronze: what came in, as it came."""
