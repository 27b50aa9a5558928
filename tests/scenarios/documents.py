"""Scenario documents that several tests keep."""

# Its address is my-own.
DOCUMENT = """
name: My own
duration_seconds: 10
traffic: {stages: [{events_per_second: 50}]}
"""
