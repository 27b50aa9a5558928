"""The programs in the containers of compose.yaml: the services of `compose.local`, one each, without a supervisor.

`python -m compose.containers COMMAND` is the entry of all three images; __main__.py lists the commands.
"""
