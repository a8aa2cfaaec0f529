"""Paths and ports that a text names: nobody vouches for a text, so each is looked at before it is believed."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from aurora_desktop.core.settings.schema import Probe, Service
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.yard import Yard

LONGEST_PATH = 4096
_PORT_OPTION = re.compile(r"(?:--?(?:[a-z-]*-)?port[= ]|-p |--(?:bind|listen|addr|address)[= ]\S*:|:)(\d{1,5})(?=\s|$)")


def own_folder(name: str, spec: Service, yard: Yard) -> Path:
    """The folder that is the service's own. Raises RefusedError where it has none: the home folder is everybody's."""
    if spec.cwd is None:
        raise RefusedError(
            f"{name} has no folder of its own",
            "without `cwd` it runs in your home folder, where Aurora changes nothing",
            f"Give {name} a `cwd` in the settings",
        )
    return yard.folder(name)


def within(folder: Path, text: str) -> Path | None:
    """The path that a text names, when it lies within the folder with all links of its parents followed.

    The last part is left as it is, so that a link there can be told, and is not followed.
    """
    if not text or len(text) > LONGEST_PATH or not text.isprintable():
        return None
    try:
        lexical = Path(os.path.abspath(folder / text))
        path = lexical.parent.resolve(strict=True) / lexical.name
        home = folder.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return path if path != home and path.is_relative_to(home) else None


def port_of(text: str) -> int | None:
    """A port from 1 to 65535, or None."""
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        return None
    return int(text) if 0 < int(text) < 65536 else None


def probed_ports(spec: Service) -> list[int]:
    """The ports that its probes ask on this machine, each once."""
    found: list[int] = []
    for probe in (spec.readiness_probe, spec.liveness_probe, spec.startup_probe):
        found += [port for port in _asked(probe) if port not in found]
    return found


def _asked(probe: Probe | None) -> Iterator[int]:
    if probe is not None and probe.tcp is not None and is_here(probe.tcp.host):
        yield probe.tcp.port
    if probe is not None and probe.http is not None:
        url = urlsplit(probe.http.url)
        if is_here(url.hostname or ""):
            yield url.port or (443 if url.scheme == "https" else 80)


def is_here(host: str) -> bool:
    """Whether the address is this machine's own loopback, or all of its addresses."""
    return host.strip("[]").lower() in ("localhost", "::1", "::", "0.0.0.0", "") or host.startswith("127.")  # noqa: S104 - compared, not bound


def declared_ports(spec: Service, environment: Mapping[str, str]) -> list[int]:
    """Where it is likely to listen, surest first: its probes, the variable of `port_env`, its command."""
    found = probed_ports(spec)
    variable = spec.healing.port_env
    told = [environment.get(variable, "")] if variable else []
    told += _PORT_OPTION.findall(" ".join(spec.command))
    told += [word for word in spec.command[1:] if word.isdigit() and len(word) in (4, 5)]
    for text in told:
        port = port_of(text)
        if port is not None and port not in found:
            found.append(port)
    return found
