"""The picture of the architecture, drawn as an SVG from a short description."""

from html import escape

_WIDTH, _HEIGHT = 860, 430
_BOXES = {
    # name: (x, y, width, title, lines)
    "user": (20, 40, 190, "you", ("torc …", "torc_cli")),
    "agent": (20, 290, 190, "AI agent", ("MCP tools", "torc_mcp")),
    "client": (260, 165, 150, "torc_client", ("one HTTP client,", "settings, recovery")),
    "server": (460, 40, 180, "torc_server", ("routes", "services", "db (SQLite)")),
    "runner": (460, 290, 180, "runner", ("claim, start, report", "on each machine")),
    "jobs": (700, 290, 140, "jobs", ("bash -c …", "logs, files")),
    "core": (260, 30, 150, "torc_core", ("the contract and", "all rules; no I/O")),
}
_HEIGHTS = {"server": 110}
_ARROWS = (
    ("user", "client", "commands"),
    ("agent", "client", "tools"),
    ("client", "server", "HTTP"),
    ("runner", "client", "claims, results, evidence"),
    ("runner", "jobs", "launcher"),
)
_STYLE = """
  .box { fill: #f5f6fb; stroke: #3f51b5; stroke-width: 1.5 }
  .core { fill: #e8eaf6; stroke-dasharray: 5 3 }
  text { font-family: sans-serif; font-size: 13px; fill: #222 }
  .title { font-weight: bold; font-size: 15px }
  .label { font-size: 11px; fill: #555 }
  line { stroke: #3f51b5; stroke-width: 1.5; marker-end: url(#tip); marker-start: url(#tip) }
"""


def architecture_diagram() -> str:
    """Return the SVG of packages and the ways of the data between them."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        "<title>Commands and agents reach the server through one client; runners claim jobs and report back</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto-start-reverse">'
        '<path d="M0,0 L6,3 L0,6 z" fill="#3f51b5"/></marker></defs>',
        *(_arrow(*arrow) for arrow in _ARROWS),
        *(_box(name) for name in _BOXES),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _height(name: str) -> int:
    return _HEIGHTS.get(name, 85)


def _box(name: str) -> str:
    x, y, width, title, lines = _BOXES[name]
    kind = "box core" if name == "core" else "box"
    texts = [f'<text class="title" x="{x + 14}" y="{y + 26}">{escape(title)}</text>']
    texts += [f'<text x="{x + 14}" y="{y + 48 + 18 * row}">{escape(line)}</text>' for row, line in enumerate(lines)]
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{_height(name)}" rx="6"/>' + "".join(texts)


def _arrow(source: str, target: str, label: str) -> str:
    (x1, y1), (x2, y2) = _edge(source, target), _edge(target, source)
    slope = (y2 - y1) * (x2 - x1)
    anchor, aside = ("middle", 0) if abs(slope) < 1 else ("start", 6) if slope > 0 else ("end", -6)
    label_x, label_y = (x1 + x2) / 2 + aside, (y1 + y2) / 2 - 6  # above the line, on the side where it is lower
    return (
        f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"/>'
        f'<text class="label" text-anchor="{anchor}" x="{label_x:.0f}" y="{label_y:.0f}">{escape(label)}</text>'
    )


def _edge(source: str, target: str) -> tuple[float, float]:
    """Return where the line from the middle of one box to that of another leaves the first one."""
    x, y, width, *_ = _BOXES[source]
    other_x, other_y, other_width, *_ = _BOXES[target]
    half_width, half_height = width / 2 + 4, _height(source) / 2 + 4
    dx = other_x + other_width / 2 - (x + width / 2)
    dy = other_y + _height(target) / 2 - (y + _height(source) / 2)
    scale = min(half_width / abs(dx) if dx else float("inf"), half_height / abs(dy) if dy else float("inf"))
    return x + width / 2 + dx * scale, y + _height(source) / 2 + dy * scale
