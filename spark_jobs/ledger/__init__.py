"""Where every record went, counted in the lake itself."""
