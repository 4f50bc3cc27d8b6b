"""For Django, with views that are not asynchronous."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from .blocking import BlockingVerifier
from .http import bearer_token, refusal_response
from .token.refused import TokenRefused

View = Callable[..., HttpResponse]


def require_token(
    verifier: BlockingVerifier, *, max_age: int | None = None, amr: Sequence[str] | None = None
) -> Callable[[View], View]:
    """A decorator for views: checks the access token, and puts its claims into `request.claims`.

    A refused request gets problem details (RFC 9457).

    Example:
        @require_token(verifier)
        def me(request):
            return JsonResponse({"user_id": request.claims.user_id})
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **arguments: Any) -> HttpResponse:
            header = request.headers.get("authorization")
            try:
                token = bearer_token([] if header is None else [header])
                claims = verifier.verify(token, max_age=max_age, amr=amr)
            except TokenRefused as refusal:
                return refusal_to_response(refusal)
            request.claims = claims  # type: ignore[attr-defined, unused-ignore]
            return view(request, *args, **arguments)

        return checked

    return decorate


def refusal_to_response(refusal: TokenRefused) -> HttpResponse:
    status, headers, body = refusal_response(refusal)
    return HttpResponse(body, status=status, headers=headers)
