"""A gateway that authenticates once, and gives out a pass for the connection. The pass is in a store such as Redis.

The pass keeps the claims of the token that it was made for. Without them, a socket could not be closed when its session
ends: a stolen phone would go on sending and receiving after "terminate all sessions".

Run it: uvicorn pass_gateway:app
"""

from __future__ import annotations

import json
import os
import secrets
from typing import Annotated, Any

from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect, WebSocketException

from chat_auth_verifier import Claims, Verifier
from chat_auth_verifier.fastapi import RequireToken, follow, handle_refusals

PASS_LIFETIME_SECONDS = 30

verifier = Verifier(
    url=os.environ["AUTH_URL"],
    service_key=os.environ["SERVICE_KEY"],
    issuer=os.environ["TOKEN_ISSUER"],
    audience=os.environ.get("TOKEN_AUDIENCE"),
)
app = FastAPI(lifespan=follow(verifier))
handle_refusals(app)


class PassStore:
    """Stands in for Redis, whose client has the same two functions."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    async def set(self, name: str, value: str, ex: int) -> None:
        self._values[name] = value

    async def getdel(self, name: str) -> str | None:
        return self._values.pop(name, None)


class Hub:
    def __init__(self) -> None:
        self._connections: set[WebSocket] = set()

    def join(self, websocket: WebSocket) -> None:
        self._connections.add(websocket)

    def leave(self, websocket: WebSocket) -> None:
        self._connections.discard(websocket)

    async def send_to_all(self, message: dict[str, Any]) -> None:
        # A copy: when many sessions end together, sockets leave during this loop.
        for websocket in list(self._connections):
            try:
                await websocket.send_json(message)
            except (RuntimeError, WebSocketDisconnect):
                # It is closing: its own handler is about to notice.
                self.leave(websocket)


store = PassStore()
hub = Hub()


@app.post("/connections")
async def issue_pass(claims: Annotated[Claims, Depends(RequireToken(verifier))]) -> dict[str, str]:
    code = secrets.token_urlsafe(32)
    await store.set(f"pass:{code}", json.dumps(claims.to_dict()), ex=PASS_LIFETIME_SECONDS)
    return {"pass": code}


@app.websocket("/ws")
async def messages(websocket: WebSocket) -> None:
    stored = await store.getdel(f"pass:{websocket.query_params.get('pass', '')}")
    if stored is None:
        raise WebSocketException(1008, "This pass was used, or is unknown.")
    claims = Claims.from_dict(json.loads(stored))
    # The session may have ended since the pass was issued.
    verifier.check(claims)
    await websocket.accept()
    async with verifier.holding(websocket, claims):
        hub.join(websocket)
        try:
            await websocket.send_json({"type": "welcome", "user_id": claims.user_id})
            async for text in websocket.iter_text():
                await hub.send_to_all({"type": "message", "from": claims.user_id, "text": text})
        finally:
            hub.leave(websocket)
