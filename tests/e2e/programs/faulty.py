"""Works, or has one fault: `faulty.py KIND [ARGUMENT...]`, in its folder. Mended from outside, it goes on for ever."""

import json
import os
import pathlib
import signal
import socket
import sqlite3
import sys


def _is_first(name: str) -> bool:
    """Whether this is the first start; the next one finds the file."""
    mark = pathlib.Path(name)
    seen = mark.exists()
    mark.touch()
    return not seen


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    return listening


def port(number: str) -> object:
    return _listen(int(number))


def moves() -> object:
    return _listen(int(os.environ["PORT"]))


def locks() -> object:
    if os.path.exists("app.pid"):
        sys.exit(f"pid file {os.getcwd()}/app.pid already exists")
    return None


def reads() -> object:
    with open("web.json", encoding="utf-8") as file:
        return json.load(file)


def writes(folder: str) -> object:
    with open(f"{folder}/data", "wb") as file:
        file.write(bytes(300_000))
    return None


def leaks() -> object:
    return bytearray(os.urandom(1)) * 120_000_000 if _is_first("leaked") else None


def stores() -> object:
    database = sqlite3.connect("app.db", timeout=0.1)
    database.execute("insert into t values (1)")
    database.commit()
    return database


def answers(_: str, number: str) -> object:
    """Of its first start nothing listens any more, though it lives."""
    return None if _is_first("answered") else _listen(int(number))


def asks(number: str) -> object:
    return socket.create_connection(("127.0.0.1", int(number)))


def types() -> object:
    return len(3)  # type: ignore[arg-type] # that is the fault


kept = globals()[sys.argv[1]](*sys.argv[2:])
print("it works", flush=True)
signal.pause()
