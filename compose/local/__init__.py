"""One installation on one machine: install, start, supervise, look at and stop every part.

`python3 -m compose.local --help` lists the commands; the Makefile calls nothing else.
"""
