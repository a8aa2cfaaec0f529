"""How long a token holds, and when it is to be exchanged. Pure. Nobody here has the key to verify one."""

import base64
import binascii

import msgspec
from msgspec import Struct
from msgspec.structs import replace

UNKNOWN_LIFETIME_S = 900.0
"""Of a token that says nothing of its end, and whose server says nothing either."""
LONGEST_LIFETIME_S = 30 * 86_400.0
_MOST_MARGIN_S = 60.0
_REFRESH_PART = 0.8
_REFRESH_AHEAD_S = 300.0


class Claims(Struct, frozen=True):
    """The two that matter; what is no number is as if it were not there."""

    iat: float | None = None
    exp: float | None = None


class Tokens(Struct, frozen=True, kw_only=True):
    """A pair as it is kept. `got_at`: Unix time by our own clock. Lifetimes in seconds from then on.

    `owner`: server and identity that it belongs to.
    """

    token: str
    refresh_token: str
    owner: str
    got_at: float
    lifetime_s: float
    refresh_lifetime_s: float

    def __repr__(self) -> str:
        return f"Tokens(owner={self.owner!r}, got_at={self.got_at!r}, lifetime_s={self.lifetime_s!r})"


def claims(token: str) -> Claims | None:
    """What a JWT says of itself; None for what is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = msgspec.json.decode(body, type=dict[str, object])
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        return None
    return Claims(_number(found.get("iat")), _number(found.get("exp")))


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
    return float(value) if is_number else None  # type: ignore[arg-type]  # `is_number` says what it is


def lifetime_s(token: str, expires_in: float | None, server_now: float) -> float:
    """Seconds from now that the token holds, by the server's own word; 0 or less: it is over already.

    Differences alone are used, for the server's clock may be a day off: `exp - iat`, else `expires_in`, else
    `exp - server_now` (`server_now`: from the `Date` of its answer, else our own clock). The least that it says holds.
    """
    said = claims(token) or Claims()
    spans = [] if expires_in is None else [expires_in]
    if said.exp is not None and said.iat is not None:
        spans.append(said.exp - said.iat)
    elif said.exp is not None and not spans:
        spans.append(said.exp - server_now)
    return min((*spans, LONGEST_LIFETIME_S)) if spans else UNKNOWN_LIFETIME_S


def spent(tokens: Tokens) -> Tokens:
    """The same without a token that could be used: only good to be exchanged."""
    return replace(tokens, token="", lifetime_s=0.0)


def age_s(tokens: Tokens, wall: float, elapsed_s: float) -> float:
    """Seconds since they were got. `elapsed_s`: by a clock of this run that nobody can set; the wall clock can be.

    The larger of both holds: to take a token for too old costs one exchange.
    """
    return max(wall - tokens.got_at, elapsed_s, 0.0)


def refresh_due_s(tokens: Tokens) -> float:
    """The age at which they are exchanged: at 80 % of their life, and no later than 5 min before its end."""
    life_s = tokens.lifetime_s
    return max(min(_REFRESH_PART * life_s, life_s - _REFRESH_AHEAD_S), 0.5 * life_s)


def is_usable(tokens: Tokens, at_age_s: float) -> bool:
    """Whether a request that leaves now arrives with a token that holds."""
    margin_s = min(_MOST_MARGIN_S, 0.1 * tokens.lifetime_s)
    return at_age_s < tokens.lifetime_s - margin_s


def can_refresh(tokens: Tokens, at_age_s: float) -> bool:
    """Whether its companion still holds."""
    return bool(tokens.refresh_token) and at_age_s < tokens.refresh_lifetime_s - _MOST_MARGIN_S
