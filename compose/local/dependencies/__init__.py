"""`make audit` and `make sbom`: the dependencies of the product and their known vulnerabilities."""
