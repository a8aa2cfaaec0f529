"""Screenshots as PNG files in a folder of our own; large ones are packed in a thread, so that the brake is asked on."""

import os
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurora_desktop.input.backends.protocol import CannotError, Desktop
from aurora_desktop.input.view import Display

if TYPE_CHECKING:
    from PIL.Image import Image

_QUICK = 1  # zlib's level: the files live for a short time
_POLL_S = 0.005


class Pictures:
    """`wait` is called again and again while a picture is packed, and may raise. All calls raise CannotError."""

    def __init__(self, folder: str, desktop: Desktop, wait: Callable[[float], None]) -> None:
        self._folder, self._desktop, self._wait = Path(folder), desktop, wait

    def screenshot(self, display: str | None, max_width: int | None, max_height: int | None) -> dict[str, Any]:
        """Of one display or the whole desktop; see `rectangle`."""
        layout = self._desktop.layout()
        shown = Display(id="", x=0, y=0, width=layout.width, height=layout.height)
        if display is not None:
            shown = next((known for known in layout.displays if known.id == display), shown)
            if shown.id != display:
                raise CannotError(f"there is no display “{display}” now")
        return self.rectangle(shown.x, shown.y, shown.width, shown.height, max_width, max_height)

    def rectangle(
        self, left: int, top: int, width: int, height: int, max_width: int | None = None, max_height: int | None = None
    ) -> dict[str, Any]:
        """A rectangle of desktop pixels, cut to the desktop.

        Answers with the rectangle (`left`, `top`, `width`, `height`), the size of the picture made of it
        (`image_width`, `image_height`) and its `scale`.
        """
        left, top, width, height = self._within(left, top, width, height)
        image = self._grab(left, top, width, height)
        scale = min(1.0, (max_width or width) / width, (max_height or height) / height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture_id = uuid.uuid4().hex[:12]
        path = self._folder / f"{picture_id}.png"
        self._in_thread(lambda: _save(image, size, path))
        place = {"left": left, "top": top, "width": width, "height": height, "scale": scale}
        return {"id": picture_id, "path": str(path), **place, "image_width": size[0], "image_height": size[1]}

    def _within(self, left: int, top: int, width: int, height: int) -> tuple[int, int, int, int]:
        """The part that is on the desktop; all of it for a rectangle of no size."""
        layout = self._desktop.layout()
        if not width or not height:
            return 0, 0, layout.width, layout.height
        right, bottom = min(left + width, layout.width), min(top + height, layout.height)
        left, top = max(left, 0), max(top, 0)
        if right <= left or bottom <= top:
            raise CannotError("the rectangle is not on the desktop")
        return left, top, right - left, bottom - top

    def _grab(self, left: int, top: int, width: int, height: int) -> "Image":
        import mss  # late: most actions need no picture
        from mss.exception import ScreenShotError
        from PIL import Image

        place = {"left": left, "top": top, "width": width, "height": height}
        try:
            try:
                with mss.mss() as screen:
                    shot = screen.grab(place)
            except ScreenShotError:
                if sys.platform != "linux":
                    raise
                # Of a display that lists the same depth twice (Xvnc), mss's newer ways see the first list alone.
                with mss.mss(backend="xlib") as screen:
                    shot = screen.grab(place)
        except ScreenShotError as error:
            raise CannotError(f"no screenshot could be taken: {error}") from error
        return Image.frombytes("RGB", shot.size, shot.bgra, "raw", "BGRX")

    def _in_thread(self, work: Callable[[], None]) -> None:
        problems: list[OSError] = []

        def run() -> None:
            try:
                work()
            except OSError as error:
                problems.append(error)

        thread = threading.Thread(target=run, name="picture", daemon=True)
        thread.start()
        while thread.is_alive():  # whatever ends the waiting does not wait for the picture: something may be held
            self._wait(_POLL_S)
        if problems:
            raise CannotError(f"the picture could not be written: {problems[0]}")


def _save(image: "Image", size: tuple[int, int], path: Path) -> None:
    smaller = image if size == image.size else image.resize(size)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        smaller.save(file, "PNG", compress_level=_QUICK)
