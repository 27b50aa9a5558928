"""`make audit` and `make sbom`: what the product is built from, and what is known against it."""
