"""What a channel may not do in the process that sends: run programs, touch files, or be led to another host.

Apprise has about two hundred services. Some read a template or a key from a file that the address names, and a later
version may run one. So not each option is judged, but what it comes to: an audit hook sees every opened file and every
program that Python code starts. It stands between a careless address and this machine, not before hostile code.
"""

import os
import sys
import sysconfig
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

_RUNS = frozenset({
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn",
    "os.startfile",
})  # fmt: skip
_CHANGES = frozenset({
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
})  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_KEEPS_THE_BODY = (307, 308)


class Fence:
    """`refused`: what was tried and not allowed, in words. Once raised it stays until the process ends."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._open_to = tuple(os.path.realpath(place) + os.sep for place in _libraries())
        self._files = frozenset(os.path.realpath(place) for place in _single_files())

    def raise_up(self) -> None:
        """From now on no program is run, nothing is written, and nothing is read but Python's own files."""
        sys.dont_write_bytecode = True
        sys.addaudithook(self._judge)

    def _judge(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _RUNS:
            self._refuse("it may not run programs")
        elif event in _CHANGES:
            self._refuse(f"it may not change files: {_text(arguments[0])}")
        elif event == "open":
            self._judge_open(*arguments)

    def _judge_open(self, path: object, _mode: object, flags: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor that is open already
        text = _text(path)
        if isinstance(flags, int) and flags & _WRITES and text != os.devnull:
            self._refuse(f"it may not write files: {text}")
        real = os.path.realpath(text)
        if text != os.devnull and real not in self._files and not real.startswith(self._open_to):
            self._refuse(f"it may not read files of this machine: {text}")

    def _refuse(self, why: str) -> NoReturn:
        self.refused.append(why)
        raise PermissionError(why)


def _libraries() -> list[str]:
    """Where Python, its packages and the certificates that TLS trusts lie."""
    paths = sysconfig.get_paths()
    places = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], *_certificates("SSL_CERT_DIR")]
    return [*places, "/usr/share/zoneinfo", "/etc/ssl", "/etc/pki"]


def _single_files() -> list[str]:
    return ["/etc/mime.types", "/etc/localtime", *_certificates("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]


def _certificates(*variables: str) -> list[str]:
    return [place for variable in variables if (place := os.environ.get(variable))]


def _text(path: Any) -> str:
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else str(path)


def why_not_follow(method: str, status: int, here: str, target: str) -> str:
    """Why a redirect from the address `here` to `target` is not followed; "" when it is."""
    source, aim = urlsplit(here), urlsplit(urljoin(here, target))
    if aim.hostname != source.hostname:
        return f"it redirects ({status}) to another host, {aim.hostname}, which is not followed"
    upgraded = (source.scheme, aim.scheme) == ("http", "https")
    if (aim.scheme, aim.port) != (source.scheme, source.port) and not upgraded:
        return f"it redirects ({status}) to another program on its host, which is not followed"
    if status not in _KEEPS_THE_BODY and method not in ("GET", "HEAD"):
        return f"it redirects ({status}) in a way that loses the message"
    return ""
