"""`python3 -m compose.local COMMAND`: standard library only up to here, see bootstrap.py."""

from compose.local.bootstrap import main

if __name__ == "__main__":
    main()
