"""A timeline as a picture: what happened, in order, and who says so."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from fpframe.evidence import CaseEvent

_ROW, _LEFT, _WIDTH = 46, 190, 760


def timeline_svg(events: Sequence[CaseEvent]) -> Markup:
    """Return events from top to bottom; a hollow dot is what only the claimant says."""
    height = _ROW * len(events) + 10
    parts = [f'<line x1="{_LEFT}" x2="{_LEFT}" y1="14" y2="{height - 32}" class="axis"/>'] if len(events) > 1 else []
    for number, event in enumerate(events):
        y = 18 + _ROW * number
        kind = "dot" if event.shown else "dot hollow"
        parts += [
            f'<text x="{_LEFT - 16}" y="{y + 4}" text-anchor="end" class="time">{escape(event.time)}</text>',
            f'<circle cx="{_LEFT}" cy="{y}" r="5" class="{kind}"/>',
            f'<text x="{_LEFT + 16}" y="{y + 4}">{escape(event.what)}</text>',
            f'<text x="{_LEFT + 16}" y="{y + 20}" class="by">by {escape(event.by)}</text>',
        ]
    label = "What happened, in order"
    return Markup(
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}" class="timeline">{"".join(parts)}</svg>'
    )
