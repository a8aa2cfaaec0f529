"""uvicorn's WebSocket by wsproto, cut off like every other connection when its client takes nothing.

A module of its own: it is loaded by the first reader that asks for a WebSocket.
"""

from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from aurora_desktop.api.taking import TakesInTime


class WebSocketProtocol(TakesInTime, WSProtocol):
    """Its pings (each 20 s, answered within 20 s) find a reader that has gone without a word."""
