"""Real programs to act upon: text fields of Qt, GTK and xterm, and a window that notes each event it gets."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .screen import Screen, Window
from .waiting import eventually

_PROGRAMS = Path(__file__).with_name("programs")
_TTY = "stty -icanon -echo -isig -ixon -iexten; printf ready > {ready}; exec cat > {file}"


class Field:
    """A program with one window, which has the keyboard once the `with` block begins; ended with it."""

    title = ""

    def __init__(self, screen: Screen, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.screen = screen
        self.file = folder / f"{self.title}.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        told = self.file.with_suffix(".out").open("ab")
        with told as output, self.standard_output() or nullcontext(output) as standard_output:
            self.process = subprocess.Popen(
                self.command(),
                env=self.screen.environment_with(LC_ALL="C.UTF-8", QT_QPA_PLATFORM="xcb", NO_AT_BRIDGE="1"),
                stdin=subprocess.DEVNULL,
                stdout=standard_output,
                stderr=output,
            )
        try:
            self.take_keyboard()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def command(self) -> list[str]:
        raise NotImplementedError

    def standard_output(self) -> Any:
        return None

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def window(self) -> Window:
        """The program's window, once it is there."""
        return eventually(lambda: self.screen.named(f"^{self.title}$"), f"the window {self.title}")

    def take_keyboard(self) -> None:
        """Bring the window to the front, with the keyboard, and wait until it is so."""
        window = self.window()
        self.screen.activate(window)
        eventually(lambda: self.screen.focused_name() == self.title, f"{self.title} has the keyboard")

    def content(self) -> str:
        """What has been typed into it."""
        raise NotImplementedError

    def until(self, text: str, timeout_s: float = 15.0) -> None:
        """Until the content is this text. Raises AssertionError with the first place that differs."""

        def same() -> bool:
            content = self.content()
            if content != text:
                raise AssertionError(_difference(content, text))
            return True

        eventually(same, f"the content of {self.title}", timeout_s)


def _difference(content: str, wanted: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(content, wanted, strict=False)) if a != b), None)
    if at is None:
        return f"{len(content)} characters of {len(wanted)}; the shorter one begins the other"
    return f"at {at}: {content[at : at + 20]!r} instead of {wanted[at : at + 20]!r}"


class QtField(Field):
    title = "qt-field"

    def command(self) -> list[str]:
        return [sys.executable, str(_PROGRAMS / "qt_field.py"), str(self.file)]

    def content(self) -> str:
        self.file.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        eventually(self.file.exists, "the field has written its content")
        return self.file.read_text(encoding="utf-8")


class GtkField(Field):
    """zenity, which tells its text when its dialog is closed by the button: it can be asked once."""

    title = "gtk-field"

    def command(self) -> list[str]:
        return ["zenity", "--text-info", "--editable", f"--title={self.title}", "--width=700", "--height=400"]

    def standard_output(self) -> Any:
        return self.file.open("wb")

    def content(self) -> str:
        if self.process is not None and self.process.poll() is None:
            self.screen.press("ctrl+Tab", "ctrl+Tab", "Return")
            self.process.wait(15)
        return self.file.read_text(encoding="utf-8")


class XtermField(Field):
    title = "xterm-field"

    def command(self) -> list[str]:
        ready = self.file.with_suffix(".ready")
        script = _TTY.format(ready=ready, file=self.file)
        look = ("-u8", "-T", self.title, "-geometry", "80x20+100+80", "-xrm", "XTerm*allowTitleOps:false")
        return ["xterm", *look, "-e", "sh", "-c", script]

    def take_keyboard(self) -> None:
        eventually(self.file.exists, "the terminal reads")
        super().take_keyboard()

    def content(self) -> str:
        return self.file.read_text(encoding="utf-8")


class Canvas(Field):
    """Notes every event; `place` is its inner rectangle in desktop pixels, once the window manager has placed it."""

    title = "canvas"

    def __init__(self, screen: Screen, folder: Path, title: str = "canvas", place: str = "200,150,600,400") -> None:
        self.title = title
        super().__init__(screen, folder)
        self._place = place

    def command(self) -> list[str]:
        return [sys.executable, str(_PROGRAMS / "canvas.py"), str(self.file), self.title, self._place]

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Whole lines alone: the last one may still be written."""
        lines = self.file.read_text(encoding="utf-8").split("\n")[:-1] if self.file.exists() else []
        return [event for event in map(json.loads, lines) if not kinds or event["kind"] in kinds]

    def forget(self) -> None:
        """Begin the notes anew."""
        os.truncate(self.file, 0)

    def content(self) -> str:
        return "".join(event["text"] for event in self.events("key"))
