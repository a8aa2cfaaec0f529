"""Remedies that people write in their settings, end to end: the real program, a real service, real faults."""

from pathlib import Path
from typing import Any

from .aurora import Aurora
from .services import Definition, shell
from .waiting import eventually

WEB = "service:web"


def needy(folder: Path, **more: Any) -> Definition:
    """Runs only once there is something in `data`; without healing it would wait a minute after its second failure."""
    folder.mkdir(exist_ok=True)
    script = 'test -s data || { echo "cannot find data"; exit 3; }; exec sleep 3600'
    return {"command": shell(script), "cwd": str(folder), "restart_sec": 60, "restart_max_delay_sec": 60, **more}


def remedy(command: list[str], **more: Any) -> dict[str, Any]:
    return {"pattern": r"cannot find (?P<file>\S+)", "command": command, **more}


def filling(words: str) -> list[str]:
    return ["sh", "-c", f'echo {words} >"$1"', "sh", "{file}"]


def test_a_remedy_from_the_settings_heals_a_real_service(aurora: Aurora, tmp_path: Path) -> None:
    own = {"fill": remedy(filling("yes"))}
    aurora.configure({"web": needy(tmp_path / "web")}, healing={"verify_sec": 0.2, "remedies": own})
    aurora.start()
    ended = aurora.until_event("remedy_finished", WEB)
    assert (ended["outcome"], ended["remedy"]) == ("worked", "fill"), ended
    aurora.until("web", "running")
    assert aurora.until_event("service_recovered", WEB)["downtime_s"] < 30
    assert (tmp_path / "web" / "data").read_text() == "yes\n"


def test_a_remedy_that_does_not_verify_is_undone_and_the_operator_called(aurora: Aurora, tmp_path: Path) -> None:
    folder = tmp_path / "web"
    own = {
        "vain": remedy(
            ["touch", "vain-{service}"], verify=["test", "-s", "{file}"], undo=["rm", "vain-{service}"], restart=False
        )
    }
    aurora.configure({"web": needy(folder)}, healing={"remedies": own})
    aurora.start()
    assert aurora.until_event("remedy_finished", WEB)["outcome"] == "undone"
    told = aurora.until_event("escalated", WEB)
    assert told["attempts"] == 1
    assert not (folder / "vain-web").exists()
    aurora.tell("restart", "web")
    aurora.until_event("operator_command", WEB)
    assert aurora.events("escalation_cleared", WEB) == []
    aurora.configure({"web": needy(folder, env={"TRY": "again"})}, healing={"remedies": own})
    aurora.until_event("escalation_cleared", WEB)
    aurora.until_event("remedy_finished", WEB, since=told["id"])


def test_a_fix_that_was_cut_off_by_the_death_of_aurora_is_rolled_back(aurora: Aurora, tmp_path: Path) -> None:
    folder = tmp_path / "web"
    check = ["sh", "-c", 'echo $$ >"$HOME/checking"; exec sleep 600']
    service = needy(folder, healing={"check": check})
    (folder / "precious").write_text("precious")
    own = {"reckless": remedy(["sh", "-c", 'rm precious; echo bad >"$1"', "sh", "{file}"])}
    aurora.configure({"web": service}, healing={"remedies": own})
    aurora.start()
    checking = Path(aurora.environment["HOME"]) / "checking"
    pid = int(eventually(lambda: checking.exists() and checking.read_text().strip(), "the check runs"))
    assert not (folder / "precious").exists()
    aurora.crash()
    aurora.configure({"web": service})  # without the remedy: nothing begins it again
    aurora.start()
    told = aurora.until_event("remedy_finished", WEB)
    assert (told["outcome"], told["remedy"]) == ("undone", "reckless"), told
    assert (folder / "precious").read_text() == "precious"
    assert not (folder / "data").exists()
    aurora.until_gone(pid)
