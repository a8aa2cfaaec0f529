"""Missing modules and packages: what would be run, in whose environment, and what is never installed."""

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.remedies.builtin.distributions import distribution_of, required_version
from aurora_desktop.healing.remedies.builtin.interpreters import python_of
from aurora_desktop.healing.remedies.builtin.npm_packages import InstallNpmPackage, package_of
from aurora_desktop.healing.remedies.builtin.python_modules import InstallPythonModule
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.yard import Ran
from healing.catalogue_yard import CatalogueYard, fault, service

T = TypeVar("T")
MODULE = "aurora_tiny_module"


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@pytest.fixture
def python(tmp_path: Path) -> str:
    """The python of a venv of the service's own."""
    path = tmp_path / ".venv" / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.symlink_to(sys.executable)
    return str(path)


def missing(module: str) -> Any:
    return fault("missing_python_module", module=module)


def without_package(command: tuple[str, ...]) -> Ran:
    """pip works, and the package is not there."""
    return Ran(1 if "importlib.metadata" in command[2] else 0, "")


def at(folder: Path, *command: str) -> CatalogueYard:
    yard = CatalogueYard(web=service(folder, *command))
    yard.answer = without_package
    return yard


# --- which Python -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "pip"),
    [
        ([".venv/bin/python", "app.py"], "{}/.venv/bin/python -m pip"),
        (["env", "A=b", ".venv/bin/python", "-m", "app"], "{}/.venv/bin/python -m pip"),
        ([".venv/bin/serve"], "{}/.venv/bin/python -m pip"),
        (["uv", "run", "app.py"], "uv pip"),
        (["poetry", "run", "app"], "poetry run python -m pip"),
    ],
)
def test_the_python_of_the_command_is_found(tmp_path: Path, python: str, command: list[str], pip: str) -> None:
    (tmp_path / ".venv" / "bin" / "serve").write_text(f"#!{python}\nimport app\n")
    found = python_of(service(tmp_path, *command), tmp_path, {"PATH": "/usr/bin:/bin"})
    assert found is not None
    assert " ".join(found.pip) == pip.format(tmp_path)


@pytest.mark.parametrize("command", [["sh", "-c", "python app.py"], ["./not-there"], ["env"], ["true"]])
def test_a_command_that_does_not_tell_its_python_has_none(tmp_path: Path, command: list[str]) -> None:
    assert python_of(service(tmp_path, *command), tmp_path, {"PATH": "/usr/bin:/bin"}) is None
    with pytest.raises(RefusedError, match="which Python"):
        run(InstallPythonModule().plan(missing("yaml"), at(tmp_path, *command)))


# --- modules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "name"),
    [("yaml", "PyYAML"), ("cv2", "opencv-python"), ("PIL.Image", "pillow"), ("requests", "requests"), ("google", None)],
)
def test_a_module_is_published_under_another_name(module: str, name: str | None) -> None:
    assert distribution_of(module) == name


def test_the_exact_command_is_offered_and_nothing_is_done(tmp_path: Path, python: str) -> None:
    yard = at(tmp_path, python, "app.py")
    plan = run(InstallPythonModule().plan(missing("yaml"), yard))
    assert plan is not None
    assert plan.command == (python, "-m", "pip", "install", "PyYAML")
    assert InstallPythonModule.asks
    assert yard.done == []
    assert not any("install" in command for command in yard.ran)


def test_the_version_that_the_service_asks_for_is_taken(tmp_path: Path, python: str) -> None:
    (tmp_path / "requirements.txt").write_text("# first\nrequests>=2\npyyaml == 6.0.1  # why\n")
    plan = run(InstallPythonModule().plan(missing("yaml"), at(tmp_path, python)))
    assert plan is not None
    assert plan.command[-1] == "pyyaml==6.0.1"


@pytest.mark.parametrize("line", ["pyyaml @ http://x/y", "--index-url=http://x", "-e .", "!" * 5000, "pyyaml ; x"])
def test_of_a_requirements_file_only_plain_versions_are_taken(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(line)
    assert required_version("PyYAML", tmp_path) in (None, "pyyaml")


@pytest.mark.parametrize(
    "module",
    [
        "--index-url=http://evil",
        "-r",
        "yaml; rm -rf /",
        "../x",
        "a b",
        "a\nb",
        "",
        "x" * 300,
        "yaml==1",
        "http://x",
        "é",
    ],
)
def test_nothing_but_the_name_of_a_module_gets_near_a_command(tmp_path: Path, python: str, module: str) -> None:
    yard = at(tmp_path, python)
    with pytest.raises(RefusedError):
        run(InstallPythonModule().plan(missing(module), yard))
    assert yard.ran == []


@pytest.mark.parametrize("own", ["helpers.py", "src/helpers/__init__.py", "pkg/helpers/x.py"])
def test_a_module_of_the_services_own_is_never_installed(tmp_path: Path, python: str, own: str) -> None:
    (tmp_path / own).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / own).touch()
    with pytest.raises(RefusedError, match="the service's own") as refused:
        run(InstallPythonModule().plan(missing("helpers"), at(tmp_path, python)))
    assert "PYTHONPATH" in refused.value.hint


def test_a_part_of_python_itself_is_no_package(tmp_path: Path, python: str) -> None:
    with pytest.raises(RefusedError, match="part of Python itself"):
        run(InstallPythonModule().plan(missing("_tkinter"), at(tmp_path, python)))


def test_a_package_that_is_there_and_does_not_bring_it_is_told(tmp_path: Path, python: str) -> None:
    yard = at(tmp_path, python)
    yard.answer = lambda _: Ran(0, "it is 1.0")
    with pytest.raises(RefusedError, match="does not bring yaml"):
        run(InstallPythonModule().plan(missing("yaml"), yard))


_INSTALLED = """Collecting PyYAML
  Attempting uninstall: six
    Uninstalling six-1.15.0:
ERROR: pip's dependency resolver does not currently take into account all the packages that are installed.
other 1.0 requires six<1.16, but you have six 1.16.0 which is incompatible.
Successfully installed PyYAML-6.0.1 six-1.16.0 typing-extensions-4.1
"""


def test_what_was_added_goes_and_what_was_replaced_comes_back(tmp_path: Path, python: str) -> None:
    yard = at(tmp_path, python)
    yard.answer = lambda command: Ran(0, _INSTALLED if "install" in command else "")
    done = run(InstallPythonModule().apply(missing("yaml"), yard))
    assert "other 1.0 requires six<1.16" in done.sentence
    assert yard.done == ["restart web"]
    yard.ran.clear()
    run(InstallPythonModule().undo(missing("yaml"), done, yard))
    pip = (python, "-m", "pip")
    assert yard.ran[-2:] == [
        (*pip, "uninstall", "-y", "PyYAML", "typing-extensions"),
        (*pip, "install", "six==1.15.0"),
    ]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("error: externally-managed-environment", "venv"),
        ("ERROR: No matching distribution found for PyYAML", "look up"),
        ("ERROR: ResolutionImpossible", "contradict"),
        ("no network", "Run it yourself"),
    ],
)
def test_an_installation_that_fails_says_why(tmp_path: Path, python: str, said: str, hint: str) -> None:
    yard = at(tmp_path, python)
    yard.answer = lambda command: Ran(1 if "install" in command else 0, said)
    with pytest.raises(AuroraError, match="could not be installed") as failed:
        run(InstallPythonModule().apply(missing("yaml"), yard))
    assert hint in failed.value.hint
    assert yard.done == []


def test_it_is_verified_by_the_import_and_the_service(tmp_path: Path, python: str) -> None:
    yard = at(tmp_path, python)
    yard.answer = lambda command: Ran(0, "Successfully installed PyYAML-6.0.1")
    done = run(InstallPythonModule().apply(missing("yaml"), yard))
    assert run(InstallPythonModule().verify(missing("yaml"), done, yard))
    yard.answer = lambda command: Ran(1 if "find_spec" in command[2] else 0, "")
    assert not run(InstallPythonModule().verify(missing("yaml"), done, yard))


# --- for real ---------------------------------------------------------------------------------------------------


class PipYard(CatalogueYard):
    """Runs the commands for real, with an index that is a folder of the test's own."""

    async def run(self, name: str, command: Sequence[str], timeout_s: float, *, in_folder: Path | None = None) -> Ran:
        own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder(name)), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        ended = await asyncio.to_thread(
            subprocess.run, command, cwd=self.folder(name), env={**os.environ, **own}, capture_output=True, text=True
        )
        return Ran(ended.returncode, ended.stdout + ended.stderr)


def test_on_the_operators_word_it_is_installed_verified_and_undone(tmp_path: Path) -> None:
    interpreter = make_python(tmp_path)
    make_wheel(tmp_path)
    yard = PipYard(web=service(tmp_path, interpreter, "-c", f"import {MODULE}"))
    lacking = missing(MODULE)
    remedy = InstallPythonModule()
    done = run(remedy.apply(lacking, yard))
    assert run(remedy.verify(lacking, done, yard))
    assert run(yard.run("web", yard.services["web"].command, 10.0)).ok
    run(remedy.undo(lacking, done, yard))
    assert not run(remedy.verify(lacking, done, yard))


def make_python(folder: Path) -> str:
    """An environment of its own that sees the pip of the Python that made it."""
    base = Path(sys.base_prefix) / "bin" / "python3"
    if subprocess.run([base, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        pytest.skip("this Python has no pip")
    make = [base, "-m", "venv", "--system-site-packages", "--without-pip", folder / ".venv"]
    subprocess.run(make, check=True)
    return str(folder / ".venv" / "bin" / "python")


def make_wheel(folder: Path) -> None:
    """A package of one module, without a build."""
    info = f"{MODULE}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{MODULE}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{MODULE}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {MODULE}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


# --- npm packages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("express", "express"), ("lodash/fp", "lodash"), ("@scope/pkg/sub", "@scope/pkg"), ("fs", None),
        ("node:fs", None), ("./lib", None), ("/abs", None), ("../up", None), ("@scope", None), ("a;b", None),
        ("--registry=http://evil", None), ("-g", None), ("a b", None), ("https://x/y.tgz", None), ("x@file:../y", None),
        ("", None), ("é", None), ("x" * 999, None),
    ],
)  # fmt: skip
def test_what_is_a_package(text: str, package: str | None) -> None:
    assert package_of(text) == package


@pytest.fixture
def npm(tmp_path: Path) -> CatalogueYard:
    """A service with a package.json, and an npm on its PATH that never runs."""
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"declared": "^1"}}))
    for tool in ("npm", "pnpm"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / tool).touch(mode=0o755)
    yard = CatalogueYard(web=service(tmp_path, "node", "app.js"))
    yard.variables = {"PATH": str(tmp_path / "bin")}
    return yard


def lacking(package: str) -> Any:
    return fault("missing_npm_package", package=package)


def installing(folder: Path, package: str) -> Any:
    def answer(command: tuple[str, ...]) -> Ran:
        if command[1] == "install":
            (folder / "node_modules" / package).mkdir(parents=True)
            (folder / "node_modules" / package / "package.json").touch()
            (folder / "package.json").write_text("changed")
            (folder / "package-lock.json").write_text("new")
        return Ran(0, "")

    return answer


@pytest.mark.parametrize(
    ("package", "lock", "command"),
    [
        ("express/lib", "", ("npm", "install", "express")),
        ("declared", "", ("npm", "install")),
        ("express", "pnpm-lock.yaml", ("pnpm", "add", "express")),
    ],
)
def test_the_command_is_that_of_the_projects_tool(
    npm: CatalogueYard, tmp_path: Path, package: str, lock: str, command: tuple[str, ...]
) -> None:
    if lock:
        (tmp_path / lock).touch()
    plan = run(InstallNpmPackage().plan(lacking(package), npm))
    assert plan is not None
    assert (plan.command, npm.ran, InstallNpmPackage.asks) == (command, [], True)


def test_an_installed_package_is_verified_and_undone_to_the_byte(npm: CatalogueYard, tmp_path: Path) -> None:
    before = (tmp_path / "package.json").read_bytes()
    npm.answer = installing(tmp_path, "express")
    done = run(InstallNpmPackage().apply(lacking("express"), npm))
    npm.well["web"] = False
    assert not run(InstallNpmPackage().verify(lacking("express"), done, npm))
    run(InstallNpmPackage().undo(lacking("express"), done, npm))
    assert npm.ran[-1] == ("npm", "uninstall", "express")
    assert (tmp_path / "package.json").read_bytes() == before
    assert not (tmp_path / "package-lock.json").exists()
    assert not os.path.exists(done.facts["kept"])


def test_once_it_helped_no_copies_are_left(npm: CatalogueYard, tmp_path: Path) -> None:
    npm.answer = installing(tmp_path, "express")
    done = run(InstallNpmPackage().apply(lacking("express"), npm))
    assert run(InstallNpmPackage().verify(lacking("express"), done, npm))
    assert not os.path.exists(done.facts["kept"])


@pytest.mark.parametrize(("said", "hint"), [("npm error ERESOLVE", "contradict"), ("npm error E404", "spelt")])
def test_a_refusal_of_npm_is_explained_and_leaves_nothing(
    npm: CatalogueYard, tmp_path: Path, said: str, hint: str
) -> None:
    before = (tmp_path / "package.json").read_bytes()
    npm.answer = lambda _: Ran(1, said)
    with pytest.raises(AuroraError) as failed:
        run(InstallNpmPackage().apply(lacking("express"), npm))
    assert hint in failed.value.hint
    assert (tmp_path / "package.json").read_bytes() == before


def test_without_a_package_json_nothing_is_installed(npm: CatalogueYard, tmp_path: Path) -> None:
    (tmp_path / "package.json").unlink()
    with pytest.raises(RefusedError, match=r"no package\.json"):
        run(InstallNpmPackage().plan(lacking("express"), npm))


@pytest.mark.parametrize("content", ["", "[", "[1]", '"x"', "null", '{"dependencies": 3}', "[" * 100_000])
def test_a_package_json_that_makes_no_sense_declares_nothing(npm: CatalogueYard, tmp_path: Path, content: str) -> None:
    (tmp_path / "package.json").write_text(content)
    plan = run(InstallNpmPackage().plan(lacking("express"), npm))
    assert plan is not None
    assert plan.command == ("npm", "install", "express")
