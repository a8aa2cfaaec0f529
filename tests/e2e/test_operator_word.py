"""What asks first: offered, and done only after a click in the window; and what the commands tell of it afterwards."""

import json
import os
import sys
import zipfile
from pathlib import Path

from .aurora import Aurora
from .screen import Screen
from .services import Definition, calm
from .sight import Spot, button, look
from .test_healing_faults import MODULE, make_python
from .waiting import eventually

SERVICE = "service:imports"
PRIMARY = "#0b7468"  # a primary button in the light theme
RAIL_PX = 200
BANNER_PX = 180  # the banner above the page has a button of that colour, too
INSTALLED_S = 60.0
_TEXT = f"ModuleNotFoundError: No module named '{MODULE}'"


def make_wheel(folder: Path) -> None:
    """A tiny package, as an index would have it."""
    folder.mkdir()
    info = f"{MODULE}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{MODULE}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{MODULE}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {MODULE}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def _apply(screen: Screen) -> Spot | None:
    window = screen.main_window()
    if window is None:
        return None
    page = window._replace(y=window.y + BANNER_PX, height=window.height - BANNER_PX)
    return button(look(screen.name), PRIMARY, page, right_of=RAIL_PX)


def test_a_missing_module_is_installed_once_the_operator_says_so(
    on_screen: Aurora, screen: Screen, tmp_path: Path
) -> None:
    folder = tmp_path / "imports"
    folder.mkdir()
    interpreter = make_python(folder)
    make_wheel(tmp_path / "packages")
    program = f"import time, {MODULE}; time.sleep(3600)"
    from_there = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "packages")}
    service = calm(command=[interpreter, "-c", program], cwd=str(folder), env=from_there)
    _installed_by_a_click(on_screen, screen, service, "install_python_module")
    assert (folder / ".venv" / "lib").is_dir()
    assert list((folder / ".venv" / "lib").glob(f"*/site-packages/{MODULE}.py"))
    _the_commands_tell_of_it(on_screen)


def test_a_missing_npm_package_is_installed_once_the_operator_says_so(
    on_screen: Aurora, screen: Screen, tmp_path: Path
) -> None:
    folder, package = tmp_path / "imports", tmp_path / "package"
    for made in (folder, package):
        made.mkdir()
    (package / "package.json").write_text(json.dumps({"name": MODULE, "version": "1.0.0", "main": "index.js"}))
    (package / "index.js").write_text("")
    needs = {"name": "imports", "version": "1.0.0", "dependencies": {MODULE: f"file:{package}"}}
    (folder / "package.json").write_text(json.dumps(needs))
    (folder / "app.js").write_text(f"require('{MODULE}'); setInterval(() => {{}}, 1000)")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    service = calm(command=["node", "app.js"], cwd=str(folder), env={"PATH": path, "npm_config_offline": "true"})
    _installed_by_a_click(on_screen, screen, service, "install_npm_package")
    assert (folder / "node_modules" / MODULE / "package.json").exists()


def _installed_by_a_click(aurora: Aurora, screen: Screen, service: Definition, remedy: str) -> None:
    """Nothing is done before the click; after it the service runs."""
    aurora.configure({"imports": service}, healing={"verify_sec": 0.5}, ui={"theme": "light"})
    aurora.start_desktop()
    offered = aurora.until_event("remedy_offered", SERVICE)
    assert aurora.status()["verdict"] != "healthy"
    assert any(MODULE in problem["sentence"] for problem in aurora.status()["problems"])

    screen.activate(eventually(screen.main_window, "the window is open"))
    screen.press("ctrl+3")
    spot = eventually(lambda: _apply(screen), "the offer is shown, and its button enabled")
    assert aurora.events("remedy_started", SERVICE) == []
    screen.click(spot.middle)

    finished = aurora.until_event("remedy_finished", SERVICE, since=offered["id"], timeout_s=INSTALLED_S)
    assert (finished["remedy"], finished["outcome"]) == (remedy, "worked"), finished
    aurora.until("imports", "running")


def _the_commands_tell_of_it(aurora: Aurora) -> None:
    answer = aurora.command("failures", "show", "me", "past", "fixes", "for", "missing", "module", "errors")
    assert answer.returncode == 0, answer.stderr
    assert "install_python_module worked" in answer.stdout
    groups = json.loads(aurora.command("failures", MODULE, "--json").stdout)["groups"]
    assert [(group["kind"], group["worked"]) for group in groups if group["worked"]] == [
        ("missing_python_module", {"install_python_module": 1})
    ]
    statistics = json.loads(aurora.command("stats", "--json").stdout)
    assert (statistics["total_actions"], statistics["successful"]) == (1, 1)
    assert aurora.command("heal", "--check-now").returncode == 0
    remedy = json.loads(aurora.command("remedies", "show", "install_python_module", "--json").stdout)
    assert (remedy["asks"], remedy["tried"], remedy["worked"]) == (True, 1, 1)


def test_no_command_accepts_an_offer(aurora: Aurora, tmp_path: Path) -> None:
    folder = tmp_path / "imports"
    folder.mkdir()
    service = calm(command=[make_python(folder), "-c", f"import {MODULE}"], cwd=str(folder))
    aurora.configure({"imports": service})
    aurora.start()
    aurora.until_event("remedy_offered", SERVICE)
    aurora.command("heal", "imports")
    assert aurora.events("remedy_started", SERVICE) == []
    assert json.loads(aurora.command("remedies", "test", _TEXT, "--json").stdout)["kind"] == ("missing_python_module")
