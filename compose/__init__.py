"""How the services are deployed: `local` runs them on one machine, without containers and without root."""
