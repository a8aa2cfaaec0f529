"""Areas of the desktop as lists of rectangles."""

from collections.abc import Iterable, Sequence

from aurora_desktop.core.settings.schema import Region

Edges = tuple[int, int, int, int]


def overlap(first: Sequence[Region], second: Sequence[Region]) -> list[Region]:
    """The area that lies in both."""
    found = [_common(_edges(a), _edges(b)) for a in first for b in second]
    edges = list(dict.fromkeys(e for e in found if e[0] < e[2] and e[1] < e[3]))
    return [_region(e) for e in edges if not any(other != e and _common(e, other) == e for other in edges)]


def covers(area: Iterable[Region], region: Region) -> bool:
    """Whether every pixel of `region` lies in the area."""
    left = [_edges(region)]
    for piece in area:
        left = [rest for part in left for rest in _without(part, _edges(piece))]
    return not left


def _without(part: Edges, cut: Edges) -> list[Edges]:
    """What remains of a rectangle: above, below, left and right of the cut."""
    x0, y0, x1, y1 = part
    cx0, cy0, cx1, cy1 = _common(part, cut)
    if cx0 >= cx1 or cy0 >= cy1:
        return [part]
    pieces = [(x0, y0, x1, cy0), (x0, cy1, x1, y1), (x0, cy0, cx0, cy1), (cx1, cy0, x1, cy1)]
    return [piece for piece in pieces if piece[0] < piece[2] and piece[1] < piece[3]]


def _common(a: Edges, b: Edges) -> Edges:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _edges(region: Region) -> Edges:
    return region.x, region.y, region.x + region.width, region.y + region.height


def _region(edges: Edges) -> Region:
    return Region(x=edges[0], y=edges[1], width=edges[2] - edges[0], height=edges[3] - edges[1])
