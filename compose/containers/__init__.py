"""What runs inside the containers of compose.yaml: the parts of `compose.local`, one a container, without a supervisor.

`python -m compose.containers COMMAND` is the entry of all three images; __main__.py lists the commands.
"""
