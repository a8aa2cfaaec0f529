"""The form and the real writer of the file together: what nobody touched stays as it was written."""

from pathlib import Path

import pytest

from aurora_desktop.core.settings import edit
from aurora_desktop.core.settings.loader import parse
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.ui.form_options import options_of
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.group_field import Fields

TEXT = """# mine
services:
  db: {command: [postgres, -D, data]}
  web:   # the site
    command: python -m web   # note
    requires: [db]
    memory_max: 1GiB
    restart_sec: 1.0   # the default, on purpose
    env: {TOKEN: "x y"}
    liveness_probe: {http: {url: "http://h/"}, period_sec: 5, timeout_sec: 1}
    log: {max_bytes: 10MB, keep: 5}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "aurora.yaml"
    made.write_text(TEXT)
    return made


@pytest.fixture
def fields(path: Path, qtbot) -> Fields:
    made = Fields(list(options_of(Service)), parse(TEXT, path).services["web"], Theme("light"))
    qtbot.addWidget(made)
    return made


def test_saving_without_a_change_leaves_every_byte(path, fields):
    values, problems = fields.take()
    edit.save_service(path, "web", values, "web", parse(TEXT, path))
    assert problems == {}
    assert path.read_text() == TEXT


def test_only_what_was_changed_or_cleared_differs(path, fields):
    fields.editors["requires"].line.clear()
    fields.editors["liveness_probe"].timing.editors["timeout_sec"].line.setText("2")
    edit.save_service(path, "web", fields.take()[0], "web", parse(TEXT, path))
    wanted = TEXT.replace("    requires: [db]\n", "").replace("timeout_sec: 1}", "timeout_sec: 2}")
    assert path.read_text() == wanted
