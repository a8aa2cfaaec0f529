"""Screenshots before and after an action: small beside it, and large on a click."""

import asyncio
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPixmap
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.widgets.pieces import label

THUMBNAIL = QSize(192, 120)
LARGE = QSize(1600, 1000)
_NAMES = ("Before", "After")


class Evidence(QWidget):
    """The pictures of one task; nothing while it has none."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self._tasks = tasks
        self._files: tuple[str, ...] = ()
        self._asked = 0
        self.thumbnails = [self._thumbnail(name) for name in _NAMES]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        for name, thumbnail in zip(_NAMES, self.thumbnails, strict=True):
            column = QVBoxLayout()
            column.addWidget(label(name, "caption"))
            column.addWidget(thumbnail)
            row.addLayout(column)
        row.addStretch(1)
        self.hide()

    def show_files(self, files: Sequence[str]) -> None:
        """Show these pictures, before and after."""
        if tuple(files) == self._files:
            return
        self._files = tuple(files)
        self._asked += 1
        self.setVisible(bool(files))
        for place, thumbnail in enumerate(self.thumbnails):
            thumbnail.setVisible(place < len(files))
            thumbnail.setIcon(QPixmap())
        if files:
            self._tasks.run(self._load(self._asked))

    def open_large(self, place: int) -> QDialog:
        """Show one picture at a size at which it can be read."""
        dialog = QDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(f"{_NAMES[place]} the action")
        picture = QLabel("Loading\u2026")
        picture.setAccessibleName(dialog.windowTitle())
        scroll = QScrollArea()
        scroll.setWidget(picture)
        scroll.setWidgetResizable(True)
        column = QVBoxLayout(dialog)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scroll)
        dialog.resize(1000, 660)
        dialog.open()
        self._tasks.run(_show_large(picture, self._files[place]))
        return dialog

    def _thumbnail(self, name: str) -> QPushButton:
        button = QPushButton()
        button.setAccessibleName(f"{name} the action: enlarge")
        button.setIconSize(THUMBNAIL)
        button.setProperty("kind", "icon")
        button.clicked.connect(lambda: self.open_large(_NAMES.index(name)))
        return button

    async def _load(self, asked: int) -> None:
        """Reading and shrinking a screenshot takes longer than the loop may stand still."""
        for place, path in enumerate(self._files[: len(self.thumbnails)]):
            image = await asyncio.to_thread(read_image, path, THUMBNAIL)
            if asked != self._asked:
                return
            gone = image.isNull()
            self.thumbnails[place].setText("No longer kept" if gone else "")
            self.thumbnails[place].setEnabled(not gone)
            self.thumbnails[place].setIcon(QPixmap.fromImage(image))


async def _show_large(picture: QLabel, path: str) -> None:
    image = await asyncio.to_thread(read_image, path, LARGE)
    if image.isNull():
        picture.setText("No longer kept")
    else:
        picture.setPixmap(QPixmap.fromImage(image))


def read_image(path: str, within: QSize) -> QImage:
    """The picture, no larger than `within`; a null image if it cannot be read. For a thread."""
    reader = QImageReader(path)
    size = reader.size()
    if size.isValid() and (size.width() > within.width() or size.height() > within.height()):
        reader.setScaledSize(size.scaled(within, Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read()
