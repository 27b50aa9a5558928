"""Benchmarks: one module per `make bench-…`, each of which measures installations of its own and deletes them."""
