"""What is secret in an address, and which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.alerts import addresses
from aurora_desktop.healing.alerts.fence import why_not_follow


@pytest.mark.parametrize(
    ("url", "credentials", "shown"),
    [
        ("jsons://example.com/hook", False, "jsons://example.com"),
        ("json://user@example.com:8080/hook", False, "json://example.com:8080"),
        ("jsons://me:hunter22@example.com/hook", True, "jsons://example.com"),
        ("jsons://example.com/hook?token=abcdef", True, "jsons://example.com"),
        ("mailtos://me:hunter22@example.com?to=you@example.com", True, "mailtos://example.com"),
        ("mailto://127.0.0.1?from=a@b.c", False, "mailto://127.0.0.1"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", True, "tgram://***"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", True, "slack://***"),
        ("no address", True, "***"),
        ("json://[::1/x", True, "json://***"),
    ],
)
def test_only_what_cannot_be_secret_is_shown(url: str, credentials: bool, shown: str) -> None:
    assert (addresses.has_credentials(url), addresses.shown_url(url)) == (credentials, shown)


SECRETS = st.text(st.characters(categories=["L", "N"], max_codepoint=127), min_size=6, max_size=20)


@given(SECRETS, SECRETS, st.sampled_from(["jsons", "slack", "mailtos", "tgram"]))
def test_no_secret_part_survives_in_what_is_said(user: str, password: str, scheme: str) -> None:
    url = f"{scheme}://{user}:{password}@host.example/{password}-path?token={password}x"
    said = addresses.scrubbed(f"cannot send to {url} for {user}:{password}@ says {password}-path", url)
    assert password not in said
    assert password not in addresses.shown_url(url)


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("", "This is no address for alerts"),
        ("example.com/hook", "This is no address for alerts"),
        ("json://a\njson://b", "This is no address for alerts"),
        ("json://" + "a" * 5000, "This is no address for alerts"),
        ("dbus://", "Alerts are not sent by this scheme"),
        ("Syslog://local", "Alerts are not sent by this scheme"),
        ("file:///etc/passwd", "Alerts are not sent by this scheme"),
        ("macosx://?click=x", "Alerts are not sent by this scheme"),
    ],
)
def test_what_is_no_address_or_stays_on_this_machine_is_refused(url: str, title: str) -> None:
    with pytest.raises(AuroraError) as refused:
        addresses.check(url)
    assert refused.value.title == title
    assert "passwd" not in str(refused.value)


@pytest.mark.parametrize(
    ("method", "status", "target", "why"),
    [
        ("POST", 307, "/other", ""),
        ("POST", 308, "https://host/other", ""),
        ("GET", 302, "/other", ""),
        ("POST", 302, "/other", "loses the message"),
        ("POST", 307, "http://other/hook", "another host, other"),
        ("POST", 307, "//other/hook", "another host, other"),
        ("POST", 307, "http://host:99/hook", "another program"),
        ("POST", 307, "ftp://host/hook", "another program"),
    ],
)
def test_a_redirect_is_followed_only_to_the_same_place(method: str, status: int, target: str, why: str) -> None:
    said = why_not_follow(method, status, "http://host/hook", target)
    assert why in said if why else said == ""
