"""Actions that last longer than any test, so that a stop always finds one under way; and where they go to."""

import string
from typing import Any

PLACE = "300,200,600,400"
MIDDLE = {"x": 600, "y": 400}

_PATH = [{"x": 350 + n % 500, "y": 250 + n // 7 % 300} for n in range(2000)]

LOADS: dict[str, dict[str, Any]] = {
    "typing": {"action": "type", "text": string.ascii_lowercase * 1000},
    "typing_with_shift": {"action": "type", "text": string.ascii_uppercase * 1000},
    "dragging": {"action": "drag_path", "points": _PATH, "duration_s": 30},
    "scrolling": {"action": "scroll", "dy": 1000, "dx": 1000, "at": MIDDLE},
    "holding_a_key": {"action": "hold_key", "keys": "shift", "duration_s": 60},
}
