"""For Starlette: requests, WebSockets and refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState

from .http import bearer_token, refusal_response, ticket_in
from .token.claims import Claims
from .token.refused import TokenRefused
from .verifier import Verifier


async def authenticate(
    verifier: Verifier, connection: HTTPConnection, *, max_age: int | None = None, amr: Sequence[str] | None = None
) -> Claims:
    """Returns the claims of the request's access token (RFC 6750, section 2.1). Raises `TokenRefused`.

    Example:
        claims = await authenticate(verifier, request)
    """
    token = bearer_token(connection.headers.getlist("authorization"))
    return await verifier.verify(token, max_age=max_age, amr=amr)


async def authenticate_socket(verifier: Verifier, websocket: HTTPConnection) -> Claims:
    """Returns the claims of a WebSocket that is not accepted yet: of its `?ticket=`, or else of its access token.

    Raises `TokenRefused`. Call it before `accept`: then a refused client gets a status instead of a close code.
    """
    ticket = ticket_in(websocket.url.query)
    if ticket is None:
        return await authenticate(verifier, websocket)
    return await verifier.redeem_ticket(ticket, websocket.headers.get("origin"))


@asynccontextmanager
async def accepted(verifier: Verifier, websocket: WebSocket, subprotocol: str | None = None) -> AsyncIterator[Claims]:
    """Accepts a WebSocket with a valid ticket or access token, and guards it inside the block.

    Example:
        async def room(websocket: WebSocket) -> None:
            async with accepted(verifier, websocket) as claims:
                async for text in websocket.iter_text(): ...
    """
    claims = await authenticate_socket(verifier, websocket)
    await websocket.accept(subprotocol)
    async with verifier.holding(websocket, claims):
        yield claims


async def respond_to_refusal(connection: HTTPConnection, refusal: Exception) -> Response:
    """An exception handler for `TokenRefused`: problem details (RFC 9457) with a challenge or `Retry-After`."""
    assert isinstance(refusal, TokenRefused)
    status, headers, body = refusal_response(refusal)
    response = Response(body, status, headers)
    if isinstance(connection, WebSocket):
        await _refuse_socket(connection, response)
    return response


async def _refuse_socket(websocket: WebSocket, response: Response) -> None:
    # After the handshake, the guard has closed it already.
    if websocket.application_state is not WebSocketState.CONNECTING:
        return
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(response)
    else:
        await websocket.close(1008)


def handle_refusals(app: Starlette) -> None:
    """Makes an application, FastAPI included, respond to refused requests and WebSockets.

    Example:
        app = FastAPI(lifespan=follow(verifier))
        handle_refusals(app)
    """
    app.add_exception_handler(TokenRefused, respond_to_refusal)
