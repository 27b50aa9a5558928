"""Scheduled runs: due times, outcomes and pages."""
