"""For FastAPI: dependencies, the lifespan, and exception handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from . import starlette
from .starlette import accepted, authenticate_socket, handle_refusals
from .token.claims import Claims
from .verifier import Verifier

__all__ = ["RequireToken", "accepted", "authenticate_socket", "follow", "handle_refusals"]


def follow(
    verifier: Verifier, timeout: float | None = 30.0
) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    """A lifespan that starts the verifier, waits until it is ready, and closes it.

    Example:
        app = FastAPI(lifespan=follow(verifier))
    """

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[dict[str, Any]]:
        async with verifier:
            await verifier.ready(timeout)
            yield {}

    return lifespan


class RequireToken(SecurityBase):
    """A dependency: the claims of the request's access token. The documentation of the API shows the scheme.

    Example:
        Signed = Annotated[Claims, Depends(RequireToken(verifier))]

        @app.get("/me")
        async def me(claims: Signed) -> dict[str, int]:
            return {"user_id": claims.user_id}
    """

    def __init__(self, verifier: Verifier, *, max_age: int | None = None, amr: Sequence[str] | None = None) -> None:
        """With `max_age` (seconds) or `amr`, the authentication must be recent, or by these means (RFC 9470)."""
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "access_token"
        self._verifier = verifier
        self._max_age = max_age
        self._amr = amr

    async def __call__(self, connection: HTTPConnection) -> Claims:
        return await starlette.authenticate(self._verifier, connection, max_age=self._max_age, amr=self._amr)
