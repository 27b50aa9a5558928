"""Monitoring: scrape jobs, alert rules, dashboards. `compose.local` and the containers share them."""
