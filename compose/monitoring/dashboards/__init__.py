"""Grafana's dashboards as code: `python -m compose.monitoring.dashboards` writes the JSON that Grafana provisions.

One module a dashboard; `panels` has the few kinds of panel that they use.
Needs the development lock, which has Grafana's own SDK.
"""
