"""What watches the system: scrape jobs, alert rules, dashboards. `compose.local` and the containers use them alike."""
