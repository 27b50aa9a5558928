"""The editor: one document, edited as a form or as text."""
