"""The files by which a client finds and enters the door: `api.json` and the tokens, for this user alone."""

import contextlib
import json
import os
import secrets

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.tokens import CREATE, SCOPES, Scope, load_tokens

__all__ = ["SCOPES", "Scope", "load_tokens", "remove_address", "write_address"]


def write_address(paths: StatePaths, port: int | None, socket_path: str = "") -> None:
    """Tell clients the port and the socket, where there is one, by an atomic replace. Raises AuroraError."""
    draft = paths.api_file.with_name(f".api.json.{secrets.token_hex(8)}")
    address: dict[str, object] = {"port": port, "pid": os.getpid()}
    if socket_path:
        address["socket"] = socket_path
    try:
        with open(os.open(draft, CREATE, 0o600), "w", encoding="ascii") as file:
            json.dump(address, file)
        os.replace(draft, paths.api_file)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise AuroraError(
            "The address of the local API cannot be written",
            f"{paths.api_file}: {error.strerror}",
            "Check the rights and the room on the disk of the state folder",
        ) from error


def remove_address(paths: StatePaths) -> None:
    """Take `api.json` away, if it is still ours."""
    with contextlib.suppress(OSError, ValueError):
        if json.loads(paths.api_file.read_text())["pid"] == os.getpid():
            paths.api_file.unlink()
