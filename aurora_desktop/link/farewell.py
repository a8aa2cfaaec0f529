"""The end of a session that nobody goes on with: told to the server once, as far as that goes at once."""

import asyncio

from aurora_desktop.link.cloudbrain import Server
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.jwt import Tokens

FAREWELL_S = 5.0


async def say_farewell(server: Server, tokens: Tokens, session_id: str) -> bool:
    """End the session and take the token back; whether the server has done the first.

    Nobody waits for a server that is away: it ends by itself what it hears nothing of.
    """
    try:
        async with asyncio.timeout(FAREWELL_S):
            return await _said(server, tokens, session_id)
    except (LinkError, TimeoutError):
        return False


async def _said(server: Server, tokens: Tokens, session_id: str) -> bool:
    token = tokens.token
    try:
        await server.end_session(token, session_id)
    except LinkError as failure:
        if failure.kind != "refused" or not tokens.refresh_token:
            raise
        token = (await server.refresh(tokens.refresh_token)).token  # it was too old
        await server.end_session(token, session_id)
    await server.logout(token)
    return True
