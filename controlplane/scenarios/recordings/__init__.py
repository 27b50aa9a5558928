"""Recordings: files of events that people upload, what mappings make of them, and scenarios made of those."""
