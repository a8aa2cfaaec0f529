"""Adds, changes and removes single services and alert channels in a settings file; comments, order, quoting stay.

What is to be written is read back first, and must mean exactly what was asked and nothing else. All calls
block on the disk. They raise SettingsError; then the file is as it was.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
from msgspec import Struct

from aurora_desktop.core import paths
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.settings.loader import decode, is_json, parse_tree, read_bytes
from aurora_desktop.core.settings.problems import Findings, Problem, SettingsError, joined
from aurora_desktop.core.settings.schema import Service, Settings
from aurora_desktop.core.settings.schema_healing import AlertChannel
from aurora_desktop.core.settings.semantics import REFERENCES, references, services_of
from aurora_desktop.core.settings.splice import Splices
from aurora_desktop.core.settings.tree import Entry, Mapping, Tree, plain, tree_of
from aurora_desktop.core.settings.validate import BAD, build

_BOM = b"\xef\xbb\xbf"
_SERVICES = ("services",)
_CHANNELS = ("alerts", "channels")
_K = TypeVar("_K", Service, AlertChannel)


def save_service(
    path: Path,
    name: str,
    values: dict[str, object],
    previous_name: str | None = None,
    known: Settings | None = None,
) -> None:
    """Add a service, or replace `previous_name`; services that refer to a renamed one follow.

    `values` are the plain keys of the file: one that is missing or None is taken out of it, one that has its
    default is written only where it stood before. `known`: the settings that the change is based on; when
    the file defines the service otherwise by now, nothing is done.
    """
    file = _File(path)
    asked, service = _asked(values, path, joined("services", name), Service)
    if previous_name is not None:
        file.refuse_if_stale(previous_name, known)
    if name != previous_name and name in file.settings.services:
        file.refuse(joined("services", name), f"there is a service `{name}` already", "choose another name")
    wanted = _with_service(file.settings, name, service, previous_name)
    splices = file.splices()
    if previous_name is None:
        _add(file, splices, _SERVICES, {name: _without_defaults(asked, service)})
    else:
        _update(splices, file.mapping_of(previous_name), file.settings.services[previous_name], asked, service)
        _rename(file, splices, previous_name, name)
    file.write(splices.result(), wanted, joined("services", name))


def set_option(path: Path, name: str, keys: Sequence[str], value: object, known: Settings | None = None) -> object:
    """Set one option of a service (`("liveness_probe", "timeout_sec")`), None takes it out; what stood there before.

    `known` as for `save_service`.
    """
    file = _File(path)
    file.refuse_if_stale(name, known)
    values: dict[str, Any] = {key: plain(entry.value) for key, entry in file.mapping_of(name).entries.items()}
    place = values
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    before = place.get(keys[-1])
    place[keys[-1]] = value
    save_service(path, name, values, name, known)
    return before


def remove_service(path: Path, name: str, known: Settings | None = None) -> None:
    """Take a service out of the file; refused while others refer to it."""
    file = _File(path)
    file.refuse_if_stale(name, known)
    services = file.services
    users = list(dict.fromkeys(r.service for r in references(services) if r.target == name))
    if users:
        hint = "take it out of their `requires`, `after`, `part_of`"
        file.refuse(joined("services", name), f"it is needed by {', '.join(users)}", hint)
    splices = file.splices()
    splices.edit(services, {name}, {})
    left = {other: service for other, service in file.settings.services.items() if other != name}
    file.write(splices.result(), msgspec.structs.replace(file.settings, services=left), joined("services", name))


def add_channel(path: Path, name: str, values: dict[str, object]) -> None:
    """Add a channel of alerts; `values` are the plain keys of the file."""
    file, field = _File(path), joined("alerts.channels", name)
    asked, channel = _asked(values, path, field, AlertChannel)
    channels = file.settings.alerts.channels
    if name in channels:
        file.refuse(field, f"there is a channel `{name}` already", "choose another name")
    splices = file.splices()
    _add(file, splices, _CHANNELS, {name: _without_defaults(asked, channel)})
    file.write(splices.result(), _with_channels(file.settings, {**channels, name: channel}), field)


def remove_channel(path: Path, name: str, known: AlertChannel | None = None) -> None:
    """Take a channel out of the file; refused when it is another one there than the `known` one."""
    file, field = _File(path), joined("alerts.channels", name)
    channels = file.settings.alerts.channels
    if name not in channels:
        file.refuse(field, f"there is no channel `{name}`", "")
    if known is not None and channels[name] != known:
        file.refuse(field, "the file was changed meanwhile", "look at the new settings and try again")
    splices = file.splices()
    splices.edit(file.mapping_at(_CHANNELS), {name}, {})
    left = {other: channel for other, channel in channels.items() if other != name}
    file.write(splices.result(), _with_channels(file.settings, left), field)


def _with_channels(old: Settings, channels: dict[str, AlertChannel]) -> Settings:
    return msgspec.structs.replace(old, alerts=msgspec.structs.replace(old.alerts, channels=channels))


def create_default(path: Path) -> bool:
    """Begin the user's settings with the sample that Aurora ships; False if there is a file already.

    The file is for this user alone, since `env` may come to hold secrets. The JSON Schema is laid beside it
    for editors. Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _begin(path, "config/aurora.yaml"):
        return False
    schema = path.parent / "aurora.schema.json"
    if not schema.exists():
        shutil.copyfile(paths.shipped("config/aurora.schema.json"), schema)
    return True


def create_gate(path: Path) -> bool:
    """Lay down the gate file, closed, for the operator to open; False if there is one already. Raises OSError."""
    return _begin(path, "config/operator_enabled.yaml")


def _begin(path: Path, shipped: str) -> bool:
    """Begin a file of this user's alone with one that Aurora ships; never overwrites."""
    content = paths.shipped(shipped).read_bytes()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return True


class _File:
    """A settings file as it was when the edit began."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content = read_bytes(path)
        self._text = decode(self._content, path)
        self.tree, self.settings = parse_tree(self._text, path)

    @property
    def services(self) -> Mapping:
        """The mapping under `services`, which is there because one of its members is."""
        services = services_of(self.tree)
        if services is None:
            raise AssertionError("services without a mapping")
        return services

    def mapping_of(self, name: str) -> Mapping:
        """The keys of one service."""
        tree = self.services.entries[name].value
        if not isinstance(tree, Mapping):
            raise AssertionError("a service that is no mapping was accepted")
        return tree

    def mapping_at(self, keys: Sequence[str]) -> Mapping:
        """The mapping under these keys, which is there because one of its members is."""
        tree = self.tree
        for key in keys:
            tree = tree.entries[key].value if isinstance(tree, Mapping) else tree
        if not isinstance(tree, Mapping):
            raise AssertionError("members without a mapping")
        return tree

    def splices(self) -> Splices:
        return Splices(self._text, is_json=is_json(self._text, self.path))

    def refuse_if_stale(self, name: str, known: Settings | None) -> None:
        """Raises SettingsError if the service is not there, or not as the change supposes."""
        there, field = self.settings.services.get(name), joined("services", name)
        if known is not None and there != known.services.get(name):
            self.refuse(field, "the file was changed meanwhile", "look at the new settings and try again")
        if there is None:
            self.refuse(field, f"there is no service `{name}`", "")

    def refuse(self, field: str, message: str, hint: str) -> NoReturn:
        raise SettingsError([Problem(str(self.path), None, None, field, message, hint)])

    def write(self, text: str, wanted: Settings, field: str) -> None:
        """Write the text if it means `wanted`, and the file is still what was read."""
        if self._meaning(text) != wanted:
            self.refuse(field, "this file is laid out in a way that cannot be edited safely", "edit it by hand")
        bom = _BOM if self._content.startswith(_BOM) else b""
        if read_bytes(self.path) != self._content:
            self.refuse(field, "the file was changed meanwhile", "look at the new settings and try again")
        if not os.access(self.path, os.W_OK):
            self.refuse(field, "the file may not be written", "give yourself the permission (chmod u+w)")
        try:
            replace_content(self.path, bom + text.encode())
        except OSError as error:
            self.refuse(field, f"the file cannot be written: {error.strerror}", "check its folder's permissions")

    def _meaning(self, text: str) -> Settings | None:
        """What the new text means, None if it is broken; problems have no line, since it is nowhere to be seen."""
        try:
            return parse_tree(text, self.path)[1]
        except SettingsError as error:
            if any(not problem.field for problem in error.problems):
                return None
            raise SettingsError(msgspec.structs.replace(p, line=None, column=None) for p in error.problems) from error


def _asked(values: dict[str, object], path: Path, field: str, kind: type[_K]) -> tuple[Mapping, _K]:
    """What was asked for, as a tree and as what it means. Raises SettingsError."""
    findings = Findings(path)
    try:
        tree = tree_of(_without_none(values))
    except TypeError as error:
        findings.stop(None, field, str(error))
    meaning = build(tree, kind, findings, field)
    findings.raise_if_any()
    if meaning is BAD or not isinstance(tree, Mapping):
        raise AssertionError("it was refused without a problem")
    return tree, meaning


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(member) for key, member in value.items() if member is not None}
    return value


def _with_service(old: Settings, name: str, service: Service, previous_name: str | None) -> Settings:
    """The settings that are to come out."""
    renamed = {(name if n == previous_name else n): s for n, s in old.services.items()}
    renamed = {n: _referring(s, previous_name, name) for n, s in renamed.items()}
    return msgspec.structs.replace(old, services={**renamed, name: service})


def _referring(service: Service, previous_name: str | None, name: str) -> Service:
    lists = {key: [name if n == previous_name else n for n in getattr(service, key)] for key in REFERENCES}
    return msgspec.structs.replace(service, **lists)


def _add(file: _File, splices: Splices, keys: Sequence[str], members: dict[str, object]) -> None:
    """Put members under these keys, of which the last ones, or all, may not be there yet."""
    if not isinstance(file.tree, Mapping):
        splices.append(_below(keys, members))
        return
    inside = file.tree
    for place, key in enumerate(keys):
        entry = inside.entries.get(key)
        if entry is None:
            is_top = inside is file.tree and not inside.flow
            added = _below(keys[place:], members)
            splices.append(added) if is_top else splices.edit(inside, set(), added)
            return
        if not isinstance(entry.value, Mapping) or not entry.value.entries:
            splices.fill(entry, _below(keys[place + 1 :], members), is_braced=inside.flow)
            return
        inside = entry.value
    splices.edit(inside, set(), members)


def _below(keys: Sequence[str], members: dict[str, object]) -> dict[str, object]:
    for key in reversed(keys):
        members = {key: members}
    return members


def _rename(file: _File, splices: Splices, previous_name: str, name: str) -> None:
    if previous_name == name:
        return
    splices.replace(file.services.entries[previous_name].key, name)
    for reference in references(file.services):
        if reference.target == previous_name and reference.service != previous_name:
            splices.replace(reference.item, name)


def _update(splices: Splices, old: Mapping, before: object, new: Mapping, after: object) -> None:
    """Note the changes from one mapping to another; `before` and `after` are what the two mean."""
    for name, entry in new.entries.items():
        if name in old.entries and _member(before, name) != _member(after, name):
            _update_value(splices, old.entries[name], _member(before, name), entry.value, _member(after, name))
    gone = {name for name in old.entries if name not in new.entries}
    added = {n: v for n, v in _without_defaults(new, after).items() if n not in old.entries}
    if old.entries:
        splices.edit(old, gone, added)


def _update_value(splices: Splices, old: Entry, before: object, new: Tree, after: object) -> None:
    if isinstance(old.value, Mapping) and old.value.entries and isinstance(new, Mapping) and new.entries:
        _update(splices, old.value, before, new, after)
    else:
        splices.set_value(old, _plain_without_defaults(new, after))


def _member(meaning: object, name: str) -> Any:
    return meaning.get(name) if isinstance(meaning, dict) else getattr(meaning, name)


def _without_defaults(tree: Mapping, meaning: object) -> dict[str, object]:
    """The plain values of a mapping, less those that say what holds anyway."""
    return {
        name: _plain_without_defaults(entry.value, _member(meaning, name))
        for name, entry in tree.entries.items()
        if not _is_default(meaning, name)
    }


def _plain_without_defaults(tree: Tree, meaning: object) -> object:
    if isinstance(tree, Mapping) and isinstance(meaning, Struct):
        return _without_defaults(tree, meaning)
    return plain(tree)


def _is_default(meaning: object, name: str) -> bool:
    if not isinstance(meaning, Struct):
        return False
    field = next(f for f in msgspec.structs.fields(meaning) if f.name == name)
    default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return bool(getattr(meaning, name) == default)
