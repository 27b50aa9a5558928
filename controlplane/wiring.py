"""Which adapter serves which port. Built once a process, from the settings; nothing is reached before it is used."""
