"""The editor: a document as a form and as text, both sides of one thing."""
