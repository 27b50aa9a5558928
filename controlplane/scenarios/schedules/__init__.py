"""Runs that begin by themselves: when, what becomes of each time, and the pages of it."""
