"""Charts as Plotly figures: plain JSON, and pages that need nothing from the network."""

import html
import json
from collections.abc import Sequence
from typing import Any, Final, assert_never

from torc_cli.plots.charts import BarChart, BarPanel, Chart, Curve, LineChart
from torc_cli.plots.colours import AVERAGE, GRID, LIMIT, OTHERS, PEAK, coloured
from torc_cli.plots.libraries import load_library

_GAP: Final = 0.09
_STYLE: Final = (
    "body { margin: 0; font: 14px sans-serif } label { display: block; padding: 8px 16px } "
    "select { max-width: 80vw } #plot { width: 100%; height: calc(100vh - 40px) }"
)
_SCRIPT: Final = """const choice = document.getElementById("choice");
function draw() {
  const figure = figures[choice.value];
  Plotly.react("plot", figure.data, figure.layout, {responsive: true, displaylogo: false});
}
function follow() {
  const named = decodeURIComponent(location.hash.slice(1));
  if (named in figures) { choice.value = named; }
  draw();
}
choice.addEventListener("change", () => { location.hash = choice.value; });
window.addEventListener("hashchange", follow);
follow();
"""

Figure = dict[str, Any]


def figure_of(chart: Chart) -> Figure:
    """Return `data` and `layout`, as Plotly's own JSON."""
    match chart:
        case LineChart():
            return _lines(chart)
        case BarChart():
            return _bars(chart)
        case _:
            assert_never(chart)


def json_of(chart: Chart) -> str:
    return json.dumps(figure_of(chart))


def html_of(charts: Sequence[Chart], *, library: str) -> str:
    """Return one page with all charts and the library's JavaScript; it draws the chart that is chosen.

    Those of all jobs come first; `#job_7` behind the page's address chooses one, too.
    """
    ordered = sorted(charts, key=lambda chart: chart.stem.startswith("job_"))
    figures = json.dumps({chart.stem: figure_of(chart) for chart in ordered}).replace("<", "\\u003c")
    options = "\n".join(
        f'<option value="{html.escape(chart.stem)}">{html.escape(chart.title)}</option>' for chart in ordered
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>Resources of jobs - torc</title>\n<script>{library}</script>\n<style>{_STYLE}</style>\n</head>\n"
        f'<body>\n<label>Plot <select id="choice">\n{options}\n</select></label>\n<div id="plot"></div>\n'
        f"<script>\nconst figures = {figures};\n{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def library_text() -> str:
    """Return the JavaScript of Plotly. Raises TorcError where the package is missing."""
    return str(load_library("plotly.offline").get_plotlyjs())


def _lines(chart: LineChart) -> Figure:
    data: list[Figure] = []
    layout = _layout(chart)
    count = len(chart.panels)
    height = (1 - _GAP * (count - 1)) / count
    for place, panel in enumerate(chart.panels):
        suffix = "" if place == 0 else str(place + 1)
        top = 1 - place * (height + _GAP)
        is_last = place == count - 1
        layout[f"xaxis{suffix}"] = {
            "anchor": f"y{suffix}",
            "matches": None if place == 0 else "x",
            "title": {"text": chart.x_label} if is_last else {},
            "showticklabels": is_last,
            "gridcolor": GRID,
            "rangemode": "tozero",
        }
        layout[f"yaxis{suffix}"] = {
            "anchor": f"x{suffix}",
            "domain": [max(0.0, top - height), top],
            "title": {"text": panel.y_label},
            "range": [0, panel.top],
            "gridcolor": GRID,
            "dtick": panel.tick,
        }
        data += [_trace(line, suffix, colour) for line, colour in coloured(panel)]
        for limit, limit_name in panel.limits:
            _add_limit(layout, suffix, limit, limit_name)
        if panel.title:
            layout["annotations"].append(_panel_title(panel.title, x=0.0, y=top))
    layout["showlegend"] = sum(line.name is not None for panel in chart.panels for line in panel.lines) > 0
    return {"data": data, "layout": layout}


def _trace(line: Curve, suffix: str, colour: str) -> Figure:
    alone = len(line.x) == 1
    return {
        "type": "scatter",
        "mode": "markers" if alone else "lines",
        "x": list(line.x),
        "y": list(line.y),
        "name": _plain(line.name or ""),
        "showlegend": line.name is not None,
        "line": {"color": colour, "width": 1 if colour == OTHERS else 1.8},
        "marker": {"color": colour},
        "hoverinfo": "skip" if colour == OTHERS else "x+y+name",
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
    }


def _add_limit(layout: Figure, suffix: str, height: float, name: str) -> None:
    layout["shapes"].append(
        {
            "type": "line",
            "xref": f"x{suffix} domain",
            "yref": f"y{suffix}",
            "x0": 0,
            "x1": 1,
            "y0": height,
            "y1": height,
            "line": {"color": LIMIT, "width": 1.5, "dash": "dash"},
        }
    )
    layout["annotations"].append(
        {
            "xref": f"x{suffix} domain",
            "yref": f"y{suffix}",
            "x": 1,
            "y": height,
            "xanchor": "right",
            "yanchor": "top",
            "text": f"limit {name}",
            "showarrow": False,
            "font": {"color": LIMIT, "size": 11},
        }
    )


def _bars(chart: BarChart) -> Figure:
    data: list[Figure] = []
    layout = _layout(chart)
    width = (1 - _GAP) / len(chart.panels)
    for place, panel in enumerate(chart.panels):
        suffix = "" if place == 0 else str(place + 1)
        left = place * (width + _GAP)
        layout[f"xaxis{suffix}"] = {
            "anchor": f"y{suffix}",
            "domain": [left, left + width],
            "title": {"text": panel.x_label},
            "range": [0, panel.top],
            "gridcolor": GRID,
        }
        layout[f"yaxis{suffix}"] = {
            "anchor": f"x{suffix}",
            "autorange": "reversed",
            "type": "category",
            "automargin": True,
            "showticklabels": place == 0,
            "matches": None if place == 0 else "y",
        }
        data += _bar_traces(panel, suffix, first=place == 0)
        layout["annotations"].append(_panel_title(panel.title, x=left, y=1.0))
    layout |= {"barmode": "overlay", "showlegend": True, "height": max(450, 200 + 26 * len(chart.panels[0].bars))}
    return {"data": data, "layout": layout}


def _bar_traces(panel: BarPanel, suffix: str, *, first: bool) -> list[Figure]:
    names = [_plain(bar.name) for bar in panel.bars]
    common = {"y": names, "xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "showlegend": first}
    drawn = [
        (name, bar.limit)
        for name, bar in zip(names, panel.bars, strict=True)
        if bar.limit is not None and bar.limit <= panel.top
    ]
    kinds = (
        ("peak", 0.75, PEAK, [bar.peak for bar in panel.bars]),
        ("average", 0.35, AVERAGE, [bar.average for bar in panel.bars]),
    )
    bars: list[Figure] = [
        common
        | {
            "type": "bar",
            "orientation": "h",
            "name": kind,
            "legendgroup": kind,
            "x": values,
            "width": thickness,
            "marker": {"color": colour},
            "hovertext": [bar.label for bar in panel.bars],
            "hoverinfo": "y+x+name+text",
        }
        for kind, thickness, colour, values in kinds
    ]
    limits = common | {
        "type": "scatter",
        "mode": "markers",
        "name": "limit",
        "legendgroup": "limit",
        "x": [limit for _, limit in drawn],
        "y": [name for name, _ in drawn],
        "marker": {"symbol": "line-ns-open", "size": 16, "color": LIMIT, "line": {"width": 2.5}},
    }
    return [*bars, limits] if drawn else bars


def _layout(chart: Chart) -> Figure:
    return {
        "title": {
            "text": f"{_plain(chart.title)}<br><span style='font-size:12px;color:#666'>{_plain(chart.subtitle)}</span>"
        },
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "plot_bgcolor": "#ffffff",
        "paper_bgcolor": "#ffffff",
        "margin": {"l": 70, "r": 30, "t": 90, "b": 60},
        "hovermode": "closest",
        "annotations": [],
        "shapes": [],
    }


def _panel_title(text: str, *, x: float, y: float) -> Figure:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": x,
        "y": y,
        "xanchor": "left",
        "yanchor": "bottom",
        "text": f"<b>{_plain(text)}</b>",
        "showarrow": False,
    }


def _plain(text: str) -> str:
    """Escape a name: Plotly takes tags in texts for markup."""
    return html.escape(text, quote=False)
