"""`make backup` and `make restore`: everything that an installation stores, except the tables and Kafka's topic.

docs/backup.md describes what a backup holds, why a restored installation is coherent, and how to rehearse a restore.
"""
