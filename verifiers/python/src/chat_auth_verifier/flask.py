"""For Flask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, g, request

from .blocking import BlockingVerifier
from .http import bearer_token, refusal_response
from .token.refused import TokenRefused

Params = ParamSpec("Params")
Result = TypeVar("Result")


def require_token(
    verifier: BlockingVerifier, *, max_age: int | None = None, amr: Sequence[str] | None = None
) -> Callable[[Callable[Params, Result]], Callable[Params, Result]]:
    """A decorator for views: checks the access token, and puts its claims into `flask.g.claims`.

    Example:
        @app.get("/me")
        @require_token(verifier)
        def me():
            return {"user_id": g.claims.user_id}
    """

    def decorate(view: Callable[Params, Result]) -> Callable[Params, Result]:
        @wraps(view)
        def checked(*args: Params.args, **arguments: Params.kwargs) -> Result:
            token = bearer_token(request.headers.getlist("authorization"))
            g.claims = verifier.verify(token, max_age=max_age, amr=amr)
            return view(*args, **arguments)

        return checked

    return decorate


def handle_refusals(app: Flask) -> None:
    """Makes an application respond to refused requests with problem details (RFC 9457).

    Example:
        handle_refusals(app)
    """

    def respond(refusal: TokenRefused) -> Response:
        status, headers, body = refusal_response(refusal)
        return Response(body, status, headers)

    app.register_error_handler(TokenRefused, respond)
