"""Charts as pictures, drawn by matplotlib without a screen."""

import warnings
from pathlib import Path
from typing import Any, Final, assert_never

from torc_cli.plots.charts import BarChart, BarPanel, Chart, LineChart, Panel
from torc_cli.plots.colours import AVERAGE, GRID, LIMIT, OTHERS, PEAK, coloured
from torc_cli.plots.libraries import load_library

_STYLE: Final[dict[str, Any]] = {
    "text.parse_math": False,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "axes.edgecolor": "#888888",
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
_DPI: Final = 130
_HEADER: Final = 0.68
"""Inches above the panels, for title and subtitle."""
_ROOM_FOR_LABELS: Final = 1.5
_GREY: Final = "#666666"


def write_png(chart: Chart, path: Path) -> None:
    """Draw the charts. Raises TorcError where matplotlib is missing."""
    matplotlib = load_library("matplotlib")
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # a name in letters that the font does not have is drawn as boxes, without a remark for each letter
        warnings.simplefilter("ignore")
        figure = _draw(chart)
        figure.savefig(path, dpi=_DPI, format="png")


def _draw(chart: Chart) -> Any:
    match chart:
        case LineChart():
            return _draw_lines(chart)
        case BarChart():
            return _draw_bars(chart)
        case _:
            assert_never(chart)


def _new_figure(chart: Chart, *, height: float) -> Any:
    figure = load_library("matplotlib.figure").Figure(figsize=(10, height), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - _HEADER / height))
    figure.text(0.01, 1 - 0.1 / height, chart.title, fontsize=13, fontweight="bold", va="top")
    figure.text(0.01, 1 - 0.38 / height, chart.subtitle, fontsize=9, color=_GREY, va="top")
    return figure


def _draw_lines(chart: LineChart) -> Any:
    count = len(chart.panels)
    figure = _new_figure(chart, height=5.6 if count == 1 else 0.9 + 2.2 * count)
    all_axes = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(all_axes, chart.panels, strict=True):
        _draw_panel(axes, panel)
    all_axes[-1].set_xlabel(chart.x_label)
    return figure


def _draw_panel(axes: Any, panel: Panel) -> None:
    for line, colour in coloured(panel):
        is_other = colour == OTHERS
        axes.plot(
            line.x,
            [float("nan") if value is None else value for value in line.y],
            color=colour,
            linewidth=0.7 if is_other else 1.4,
            marker="o" if len(line.x) == 1 else None,
            label=line.name or "_others",
        )
        if len(panel.lines) == 1:
            axes.fill_between(
                line.x, [float("nan") if value is None else value for value in line.y], color=colour, alpha=0.12
            )
    for height, name in panel.limits:
        axes.axhline(height, color=LIMIT, linestyle="--", linewidth=1.2)
        axes.annotate(
            f"limit {name}",
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(-3, -3),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8.5,
            color=LIMIT,
        )
    axes.set_ylim(0, panel.top)
    axes.set_xlim(left=0)
    axes.set_ylabel(panel.y_label)
    if panel.tick is not None:
        axes.yaxis.set_major_locator(load_library("matplotlib.ticker").MultipleLocator(panel.tick))
    axes.set_title(panel.title)
    if any(line.name is not None for line in panel.lines):
        handles, names = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], names[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _draw_bars(chart: BarChart) -> Any:
    rows = len(chart.panels[0].bars)
    figure = _new_figure(chart, height=1.7 + 0.3 * max(rows, 3))
    all_axes = figure.subplots(1, len(chart.panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(all_axes, chart.panels, strict=True):
        _draw_bar_panel(axes, panel)
    all_axes[0].invert_yaxis()
    handles, names = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper right", bbox_to_anchor=(1.0, 1.0), ncols=3)
    return figure


def _draw_bar_panel(axes: Any, panel: BarPanel) -> None:
    places = range(len(panel.bars))
    axes.barh(places, [bar.peak for bar in panel.bars], height=0.75, color=PEAK, label="peak")
    axes.barh(places, [bar.average for bar in panel.bars], height=0.35, color=AVERAGE, label="average")
    drawn = [(place, bar.limit) for place, bar in enumerate(panel.bars) if bar.limit is not None]
    drawn = [(place, limit) for place, limit in drawn if limit <= panel.top]
    if drawn:
        axes.plot(
            [limit for _, limit in drawn],
            [place for place, _ in drawn],
            linestyle="none",
            marker="|",
            markersize=15,
            markeredgewidth=2.2,
            color=LIMIT,
            label="limit",
        )
    for place, bar in enumerate(panel.bars):
        axes.annotate(
            bar.label,
            (max(bar.peak, bar.limit if bar.limit is not None and bar.limit <= panel.top else 0.0), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color="#333333",
        )
    axes.set_yticks(places, [bar.name for bar in panel.bars])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, panel.top * _ROOM_FOR_LABELS)
    axes.set_xlabel(panel.x_label)
    axes.set_title(panel.title)
