"""For servers of the package `websockets`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from .http import bearer_token, refusal_response, ticket_in
from .token.claims import Claims
from .token.refused import TokenRefused
from .verifier import Verifier

_ATTRIBUTE = "chat_auth_claims"

ProcessRequest = Callable[[ServerConnection, Request], Awaitable[Response | None]]


def require_session(verifier: Verifier) -> ProcessRequest:
    """Refuses an upgrade without a valid ticket or access token with 401, 403, 410 or 503, before the handshake.

    Example:
        async with serve(handler, "0.0.0.0", 8080, process_request=require_session(verifier)): ...
    """

    async def process_request(connection: ServerConnection, request: Request) -> Response | None:
        try:
            claims = await _authenticate(verifier, request)
        except TokenRefused as refusal:
            status, headers, body = refusal_response(refusal)
            response = connection.respond(status, body)
            for name, value in headers.items():
                response.headers.pop(name, None)
                response.headers[name] = value
            return response
        setattr(connection, _ATTRIBUTE, claims)
        return None

    return process_request


@asynccontextmanager
async def holding(verifier: Verifier, connection: ServerConnection) -> AsyncIterator[Claims]:
    """Guards a connection that `require_session` accepted inside the block, and yields its claims.

    Example:
        async def handler(connection: ServerConnection) -> None:
            async with holding(verifier, connection) as claims:
                async for message in connection: ...
    """
    claims: Claims = getattr(connection, _ATTRIBUTE)
    async with verifier.holding(connection, claims):
        yield claims


async def _authenticate(verifier: Verifier, request: Request) -> Claims:
    # Not read as a URL: a client may send anything, such as //[x.
    ticket = ticket_in(request.path.partition("?")[2])
    if ticket is None:
        return await verifier.verify(bearer_token(request.headers.get_all("authorization")))
    origins = request.headers.get_all("origin")
    return await verifier.redeem_ticket(ticket, origins[0] if origins else None)
