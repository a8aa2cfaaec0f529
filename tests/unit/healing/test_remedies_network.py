"""Taken ports and refused connections: what is done, what is left alone, and what is said then."""

import asyncio
import re
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema import HttpProbe, Probe, ServiceHealing, TcpProbe
from aurora_desktop.healing.remedies.builtin.distributions import is_module
from aurora_desktop.healing.remedies.builtin.npm_packages import package_of
from aurora_desktop.healing.remedies.builtin.places import declared_ports, is_here, port_of, within
from aurora_desktop.healing.remedies.builtin.ports import EndStrayOnPort, MoveToFreePort, answers, next_free
from aurora_desktop.healing.remedies.builtin.refused import RestartDependency
from aurora_desktop.healing.remedies.remedy import Done, RefusedError
from aurora_desktop.supervisor.view import ServiceView, State
from healing.catalogue_yard import FOREIGN, STRAY, CatalogueYard, fault, service

PORT = 18080
CONFLICT = fault("port_conflict", port=str(PORT))
MOVABLE = ServiceHealing(port_env="PORT", port_range=[18090, 18099])


def run(work):  # type: ignore[no-untyped-def] # the value of whatever coroutine
    return asyncio.run(work)


# --- a port that is taken ---------------------------------------------------------------------------------------


def test_a_stray_of_ours_is_ended_and_the_service_restarted() -> None:
    yard = CatalogueYard(web=service(None))
    yard.on_port[PORT] = [STRAY]
    plan = run(EndStrayOnPort().plan(CONFLICT, yard))
    assert "4711 (old-web)" in plan.sentence
    done = run(EndStrayOnPort().apply(CONFLICT, yard))
    assert yard.done == ["end 4711", "restart web"]
    assert run(EndStrayOnPort().verify(CONFLICT, done, yard))


def test_a_holder_that_has_gone_by_itself_is_not_said_to_be_ended() -> None:
    yard = CatalogueYard(web=service(None))
    done = run(EndStrayOnPort().apply(CONFLICT, yard))
    assert done.sentence == "nobody holds the port of web any more: restarted it"
    assert yard.done == ["restart web"]


@pytest.mark.parametrize("holders", [[FOREIGN], [STRAY, FOREIGN]])
def test_what_aurora_did_not_start_is_named_and_never_ended(holders: list) -> None:  # type: ignore[type-arg] # of Holder
    yard = CatalogueYard(web=service(None))
    yard.on_port[PORT] = holders
    with pytest.raises(RefusedError, match=r"4712 .postgres") as refused:
        run(EndStrayOnPort().plan(CONFLICT, yard))
    assert "kill 4712" in refused.value.hint
    assert yard.done == []


def test_a_stray_that_is_none_any_more_is_left_alone() -> None:
    yard = CatalogueYard(web=service(None))
    yard.on_port[PORT] = [STRAY]
    yard.ends_strays = False
    with pytest.raises(RefusedError):
        run(EndStrayOnPort().apply(CONFLICT, yard))
    assert yard.done == []


def test_a_port_that_nobody_holds_is_no_matter_of_these_remedies() -> None:
    yard = CatalogueYard(web=service(None, healing=MOVABLE))
    assert run(EndStrayOnPort().plan(CONFLICT, yard)) is None
    assert run(MoveToFreePort().plan(CONFLICT, yard)) is None


def test_a_text_without_a_port_is_helped_by_what_the_service_declares() -> None:
    yard = CatalogueYard(web=service(None, "serve", "--port", str(PORT)))
    yard.on_port[PORT] = [STRAY]
    assert run(EndStrayOnPort().plan(fault("port_conflict"), yard)) is not None


@pytest.mark.parametrize("port", ["0", "65536", "99999999999999999999", "-1", "80; rm -rf /", "٨٠٨٠"])
def test_a_port_that_is_none_is_not_believed(port: str) -> None:
    assert port_of(port) is None
    assert run(EndStrayOnPort().plan(fault("port_conflict", port=port), CatalogueYard(web=service(None)))) is None


def test_a_service_that_may_move_gets_the_next_free_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = taken.getsockname()[1]
        healing = ServiceHealing(port_env="PORT", port_range=[first, min(first + 20, 65535)])
        yard = CatalogueYard(web=service(None, healing=healing))
        yard.on_port[PORT] = [FOREIGN]
        assert run(EndStrayOnPort().plan(CONFLICT, yard)) is None
        done = run(MoveToFreePort().apply(CONFLICT, yard))
    port = int(done.facts["port"])
    assert first < port <= first + 20
    assert yard.done == [f"set PORT={port} for web", "restart web"]


def test_a_move_is_verified_by_somebody_who_listens_there() -> None:
    yard = CatalogueYard(web=service(None, healing=MOVABLE))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert answers(port)
        assert run(MoveToFreePort().verify(CONFLICT, Done("", {"port": str(port)}), yard))
    assert not run(MoveToFreePort().verify(CONFLICT, Done("", {"port": str(port)}), yard))


def test_a_move_is_undone_by_its_own_port() -> None:
    yard = CatalogueYard(web=service(None, healing=MOVABLE))
    run(MoveToFreePort().undo(CONFLICT, Done("", {"variable": "PORT", "port": "18090"}), yard))
    assert yard.done == ["set PORT=None for web", "restart web"]


@pytest.mark.parametrize("state", ["stopping", "stopped"])
def test_a_move_of_a_service_that_was_stopped_meanwhile_is_undone_without_a_restart(state: State) -> None:
    yard = CatalogueYard(web=service(None, healing=MOVABLE))
    yard.views["web"] = ServiceView(name="web", state=state, cause="stopped", since=0.0)
    run(MoveToFreePort().undo(CONFLICT, Done("", {"variable": "PORT", "port": "18090"}), yard))
    assert yard.done == ["set PORT=None for web"]


def test_a_service_whose_probe_asks_the_port_cannot_move() -> None:
    probe = Probe(tcp=TcpProbe(port=PORT))
    yard = CatalogueYard(web=service(None, healing=MOVABLE, readiness_probe=probe))
    yard.on_port[PORT] = [FOREIGN]
    with pytest.raises(RefusedError, match="cannot move"):
        run(MoveToFreePort().plan(CONFLICT, yard))


def test_a_full_range_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert next_free(port, port, 1) is None
        yard = CatalogueYard(web=service(None, healing=ServiceHealing(port_env="PORT", port_range=[port, port])))
        yard.on_port[PORT] = [FOREIGN]
        with pytest.raises(RefusedError, match="is free"):
            run(MoveToFreePort().plan(CONFLICT, yard))


# --- a connection that is refused -------------------------------------------------------------------------------


def _with_database(**more: object) -> CatalogueYard:
    database = service(None, "postgres", readiness_probe=Probe(tcp=TcpProbe(port=5432)))
    cache = service(None, "redis", liveness_probe=Probe(http=HttpProbe(url="http://localhost:6379/")))
    return CatalogueYard(web=service(None, requires=["db", "cache"]), db=database, cache=cache)


@pytest.mark.parametrize(("port", "dependency"), [("5432", "db"), ("6379", "cache")])
def test_the_required_service_that_should_answer_is_restarted_first(port: str, dependency: str) -> None:
    yard, refused = _with_database(), fault("refused_connection", host="127.0.0.1", port=port)
    assert dependency in run(RestartDependency().plan(refused, yard)).sentence
    done = run(RestartDependency().apply(refused, yard))
    assert yard.done == [f"restart {dependency}", "restart web"]
    assert run(RestartDependency().verify(refused, done, yard))
    yard.well[dependency] = False
    assert not run(RestartDependency().verify(refused, done, yard))


def test_a_dependency_that_does_not_come_up_is_named() -> None:
    yard = _with_database()
    yard.well["db"] = False
    with pytest.raises(RefusedError, match="db does not come up"):
        run(RestartDependency().apply(fault("refused_connection", host="localhost", port="5432"), yard))
    assert yard.done == ["restart db"]


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", "9999"), ("db.example.test", "5432"), ("10.0.0.1", "5432")])
def test_nothing_of_ours_is_restarted_for_what_is_foreign(host: str, port: str) -> None:
    yard = _with_database()
    with pytest.raises(RefusedError) as refused:
        run(RestartDependency().plan(fault("refused_connection", host=host, port=port), yard))
    assert f"{host}:{port}" in refused.value.title
    assert refused.value.hint


def test_without_a_port_the_name_in_the_text_tells() -> None:
    yard = _with_database()
    told = fault("refused_connection", message="cannot reach the cache: Connection refused")
    assert "cache" in run(RestartDependency().plan(told, yard)).sentence
    with pytest.raises(RefusedError):
        run(RestartDependency().plan(fault("refused_connection", message="Connection refused"), yard))


# --- what a text names ------------------------------------------------------------------------------------------


def test_ports_are_found_in_probes_variable_and_command() -> None:
    spec = service(
        None, "serve", "--bind", "0.0.0.0:8001", "8002", healing=MOVABLE, readiness_probe=Probe(tcp=TcpProbe(port=8000))
    )
    assert declared_ports(spec, {"PORT": "8003"}) == [8000, 8003, 8001, 8002]


@pytest.mark.parametrize(("host", "here"), [("127.0.0.1", True), ("::1", True), ("LOCALHOST", True), ("db", False)])
def test_what_is_this_machine(host: str, here: bool) -> None:
    assert is_here(host) is here


@given(st.lists(st.sampled_from(["..", ".", "/", "own", "out", "a", "\n", "\0", "~", "etc", "//"]), max_size=12))
def test_no_text_leads_out_of_the_folder(parts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root).resolve() / "own"
        folder.mkdir()
        (folder / "out").symlink_to(root)
        found = within(folder, "/".join(parts))
        assert found is None or (found.parent.resolve().is_relative_to(folder) and found != folder)


@given(st.text(max_size=40))
def test_no_text_is_an_option_of_a_command(text: str) -> None:
    for name in (package_of(text) or "x", text if is_module(text) else "x"):
        assert re.fullmatch(r"@?[A-Za-z0-9_][A-Za-z0-9_./-]*", name)


@pytest.mark.parametrize(
    "text", ["", "../x", "../../etc/passwd", "/etc/passwd", ".", "a\nb", "a\0b", "x" * 5000, "out/x", "\u202ea"]
)
def test_a_path_that_leads_out_is_none(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    assert within(folder, text) is None
    assert within(folder, "inside") == folder / "inside"
