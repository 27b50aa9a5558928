"""How the parts are put together: `local` runs them on one machine, without containers and without root."""
