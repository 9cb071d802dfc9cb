"""A chart of lines on two logarithmic axes, as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 760
HEIGHT: Final = 320
LEFT: Final = 64
TOP: Final = 16
LEGEND_LINE: Final = 22
COLORS: Final = ("#2a54c6", "#b3402a", "#14663a", "#855100", "#6b3fa0", "#0d7377")


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        name: What it shows.
        points: Pairs of x and y, all positive.
    """

    name: str
    points: Sequence[tuple[float, float]]


def draw_chart(lines: Sequence[Line], *, x_label: str, y_label: str) -> str:
    """Return the chart with a legend below."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    left, right = math.log10(min(xs)), math.log10(max(xs))
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    height = TOP + HEIGHT + 44 + LEGEND_LINE * len(lines)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - left) / ((right - left) or 1)
        up = (math.log10(y) - low) / ((high - low) or 1)
        return LEFT + across * (WIDTH - LEFT - 24), TOP + (1 - up) * HEIGHT

    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    font = 'font-family="system-ui, sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for power in range(low, high + 1):
        x, y = place(10**left, 10**power)
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - 24}" stroke="#dfe3ea"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10**power:g}</text>')
    for value in sorted(set(xs)):
        x, _ = place(value, 10**low)
        parts.append(
            f'<text x="{x:.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{value:g}</text>'
        )
    parts.append(
        f'<text x="{WIDTH - 24}" y="{TOP + HEIGHT + 38}" text-anchor="end">{escape(x_label)}, '
        f"{escape(y_label)} upwards</text>"
    )
    for number, line in enumerate(lines):
        color = COLORS[number % len(COLORS)]
        points = [place(x, y) for x, y in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in points]
        base = TOP + HEIGHT + 58 + LEGEND_LINE * number
        parts.append(f'<path d="M{LEFT} {base - 4}h24" stroke="{color}" stroke-width="2"/>')
        parts.append(f'<text x="{LEFT + 32}" y="{base}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
