"""The way between the sections of a page: a row of segments, by pointer and by arrow keys."""

from collections.abc import Sequence

from PySide6.QtWidgets import QTabBar


class Sections(QTabBar):
    """One segment for each title; `currentChanged` tells the choice."""

    def __init__(self, name: str, titles: Sequence[str]) -> None:
        super().__init__()
        self.setObjectName("sections")
        self.setAccessibleName(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        for title in titles:
            self.addTab(title)
            self.setTabToolTip(self.count() - 1, f"{title} (Ctrl+Tab for the next)")

    def step(self, by: int) -> None:
        """Go on by so many segments, round the end."""
        self.setCurrentIndex((self.currentIndex() + by) % self.count())
