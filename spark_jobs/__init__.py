"""The lakehouse's Spark jobs: one folder a table, no Django in here."""
