"""What stands in `env` is never shown, whatever goes wrong."""

import json
from pathlib import Path

from .aurora import Aurora
from .services import calm, shell

SECRET = "s3cr3t-Zq9-value"


def _shown(aurora: Aurora) -> dict[str, str]:
    """All that the running program tells."""
    return {
        "ps": json.dumps(aurora.ps()),
        "status": json.dumps(aurora.status()),
        "events": json.dumps(aurora.events()),
        **{" ".join(words): _said(aurora, *words) for words in (("ps", "--json"), ("status",), ("events", "--json"))},
    }


def _said(aurora: Aurora, *words: str) -> str:
    done = aurora.command(*words)
    return done.stdout + done.stderr


def _written(aurora: Aurora) -> dict[str, bytes]:
    """All that it wrote, but for the copy of the settings and what services print themselves."""
    files = [path for path in aurora.paths.root.rglob("*") if path.is_file()]
    own = [path for path in files if path.parent != aurora.paths.service_logs and "last-good" not in path.name]
    return {str(path): path.read_bytes() for path in own}


def _assert_hidden(aurora: Aurora) -> None:
    for place, text in _shown(aurora).items():
        assert SECRET not in text, place
    assert aurora.quit() == 0
    for place, raw in _written(aurora).items():
        assert SECRET.encode() not in raw, place
    assert SECRET not in aurora.output


def test_secrets_of_a_running_service_are_not_shown(aurora: Aurora) -> None:
    aurora.configure({"web": calm(env={"TOKEN": SECRET})})
    aurora.start()
    aurora.until("web", "running")
    _assert_hidden(aurora)
    copy = aurora.paths.last_good_settings
    assert copy.stat().st_mode & 0o077 == 0


def test_secrets_of_failing_services_are_not_shown(aurora: Aurora, tmp_path: Path) -> None:
    env = {"TOKEN": SECRET}
    secrets = tmp_path / "secrets.env"
    secrets.write_text(f"TOKEN={SECRET}\nnot a line {SECRET}\n")
    right = aurora.folder / "right.env"
    right.write_text(f"TOKEN={SECRET}\n")
    aurora.configure(
        {
            "missing": {"command": ["no-such-program"], "env": env},
            "nowhere": calm(cwd="/no/such/folder", env=env),
            "exits": {"command": shell("exit 3"), "restart": "never", "env": env},
            "prints": {"command": shell('echo "token is $TOKEN"; exit 3'), "restart": "never", "env": env},
            "probed": calm(
                env=env, liveness_probe={"exec": {"command": shell("echo $TOKEN; exit 1")}, "period_sec": 0.1}
            ),
            "file": calm(env_file=str(secrets)),
            "tells": {
                "command": shell('echo "token is $TOKEN"; exit 3'),
                "restart": "never",
                "env_file": str(right),
            },
        }
    )
    aurora.start()
    for name in ("missing", "nowhere", "exits", "prints", "file", "tells"):
        aurora.until(name, "failed")
    aurora.until_event("service_failed", "service:probed")
    assert aurora.log_text("tells") == "token is ***\n"
    _assert_hidden(aurora)


def test_secrets_on_the_very_line_that_is_wrong_are_not_shown_at_the_start(aurora: Aurora) -> None:
    for wrong in _wrong_lines():
        aurora.write(wrong)
        refused = aurora.command("run", "--headless")
        assert refused.returncode == 1, wrong
        assert SECRET not in refused.stdout + refused.stderr
        checked = aurora.command("check", str(aurora.config), "--json")
        assert checked.returncode == 1
        assert SECRET not in checked.stdout + checked.stderr


def test_secrets_in_a_broken_edit_are_not_shown(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    since = 0
    for wrong in _wrong_lines()[:3]:
        aurora.write(wrong)
        since = aurora.until_event("settings_refused", since=since)["id"]
    _assert_hidden(aurora)


def _wrong_lines() -> list[str]:
    head = "services:\n  web:\n    command: [sleep, '9']\n"
    return [
        f"{head}    env: {{TOKEN: [{SECRET}]}}\n",
        f'{head}    env: {{TOKEN: "{SECRET}}}\n',
        f"{head}    env: {SECRET}\n",
        f"{head}    env:\n      TOKEN: {SECRET}\n      TOKEN: {SECRET}\n",
        f"{head}    env:\n      TOKEN: {SECRET}: {SECRET}\n",
        f"{head}    env:\n      ? {SECRET}=x\n      : y\n",
        f"{head}    environment: {{TOKEN: {SECRET}}}\n",
        f"{head}    env: {{TOKEN: *{SECRET}}}\n",
        f"{head}    env: {{TOKEN: !{SECRET} x}}\n",
    ]
