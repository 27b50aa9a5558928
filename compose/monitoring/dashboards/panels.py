"""The kinds of panel that the dashboards use, laid out on Grafana's grid of 24 columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef, GridPos

SOURCE = DataSourceRef(type_val="prometheus", uid="lakehouse-prometheus")
COLUMNS = 24


@dataclass(frozen=True)
class Figure:
    """One number, as it is now. `unit` is Grafana's name of a unit."""

    title: str
    query: str
    unit: str = "short"
    text: str = ""

    width, height = 4, 4

    @property
    def queries(self) -> Sequence[tuple[str, str]]:
        """(query, legend) of the panel."""
        return ((self.query, ""),)


@dataclass(frozen=True)
class Chart:
    """Lines over time, each a query with its legend."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    text: str = ""

    width, height = 12, 8


Panel = Figure | Chart


def rendered(uid: str, title: str, text: str, panels: Sequence[Panel]) -> str:
    """The dashboard as the JSON that Grafana reads: figures in rows of six, charts in rows of two."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(text)
        .tags(["lakehouse"])
        .refresh("10s")
        .time("now-30m", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .editable()
    )
    x = y = height = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > COLUMNS or (height and panel.height != height):
            x, y, height = 0, y + height, 0
        place = GridPos(h=panel.height, w=panel.width, x=x, y=y)
        made = made.with_panel(_built(panel).id(number).grid_pos(place))
        x, height = x + panel.width, panel.height
    return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _built(panel: Panel) -> stat.Panel | timeseries.Panel:
    made: stat.Panel | timeseries.Panel
    if isinstance(panel, Figure):
        made = (
            stat.Panel()
            .color_mode(BigValueColorMode.NONE)
            .graph_mode(BigValueGraphMode.AREA)
            .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
            .no_value("unknown")
        )
    else:
        made = (
            timeseries.Panel()
            .line_width(1)
            .fill_opacity(8)
            .min(0)
            .legend(VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST).calcs([]))
            .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        )
    made = made.title(panel.title).description(panel.text).datasource(SOURCE).unit(panel.unit)
    for letter, (query, legend) in zip("ABCDEFGH", panel.queries, strict=False):
        made = made.with_target(prometheus.Dataquery().ref_id(letter).expr(query).legend_format(legend))
    return made
