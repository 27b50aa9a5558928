"""One installation on one machine: install, start, supervise, inspect and stop all services.

`python3 -m compose.local --help` lists the commands; the Makefile calls nothing else.
"""
