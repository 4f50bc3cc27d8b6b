"""A chat room over WebSockets with FastAPI. A socket closes as soon as its session ends.

Run it: uvicorn fastapi_gateway:app
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from chat_auth_verifier import TokenRefused, Verifier
from chat_auth_verifier.fastapi import accepted, follow, handle_refusals

verifier = Verifier(
    url=os.environ["AUTH_URL"],
    service_key=os.environ["SERVICE_KEY"],
    issuer=os.environ["TOKEN_ISSUER"],
    audience=os.environ.get("TOKEN_AUDIENCE"),
)
app = FastAPI(lifespan=follow(verifier))
handle_refusals(app)

room: set[WebSocket] = set()


async def say(message: dict[str, Any]) -> None:
    # A copy: sockets leave while others get the message.
    for websocket in list(room):
        # A socket that is closing at this moment leaves by itself.
        with suppress(RuntimeError, WebSocketDisconnect):
            await websocket.send_json(message)


@app.websocket("/ws")
async def chat(websocket: WebSocket) -> None:
    async with accepted(verifier, websocket) as claims:
        room.add(websocket)
        try:
            await websocket.send_json({"type": "welcome", "user_id": claims.user_id})
            async for text in websocket.iter_text():
                if text.startswith("renew "):
                    await renew(websocket, text.removeprefix("renew "))
                else:
                    await say({"type": "message", "from": claims.user_id, "text": text})
        finally:
            room.discard(websocket)


async def renew(websocket: WebSocket, token: str) -> None:
    """The client refreshed its session and sends the new token, so that its socket stays open."""
    try:
        claims = await verifier.renew(websocket, token)
        await websocket.send_json({"type": "renewed", "exp": claims.exp})
    except TokenRefused as refusal:
        await websocket.send_json({"type": "renew_failed", "code": refusal.code})
