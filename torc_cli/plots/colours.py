"""Colours that people with any eyesight can tell apart, the same in every kind of file."""

from typing import Final

from torc_cli.plots.charts import Curve, Panel

COLOURS: Final = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#8c564b",
    "#7f3c8d",
    "#4b4b8f",
    "#a5aa33",
)
LIMIT: Final = "#b2182b"
OTHERS: Final = "#bdbdbd"
PEAK: Final = "#a6c8e0"
AVERAGE: Final = COLOURS[0]
GRID: Final = "#e6e6e6"


def coloured(panel: Panel) -> list[tuple[Curve, str]]:
    """Return each line with its colour; the last named one has the first, as lines are drawn from back to front."""
    named = [line for line in panel.lines if line.name is not None or len(panel.lines) == 1]
    places = {id(line): place for place, line in enumerate(reversed(named))}
    return [(line, COLOURS[places[id(line)] % len(COLOURS)] if id(line) in places else OTHERS) for line in panel.lines]
