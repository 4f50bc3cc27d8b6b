"""An API with FastAPI: every request needs an access token of a session that has not ended.

Run it: uvicorn fastapi_api:app
"""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import Depends, FastAPI, Response

from chat_auth_verifier import Claims, Verifier
from chat_auth_verifier.fastapi import RequireToken, follow, handle_refusals

verifier = Verifier(
    url=os.environ["AUTH_URL"],
    service_key=os.environ["SERVICE_KEY"],
    issuer=os.environ["TOKEN_ISSUER"],
    audience=os.environ.get("TOKEN_AUDIENCE"),
)
app = FastAPI(lifespan=follow(verifier))
handle_refusals(app)

SignedIn = Annotated[Claims, Depends(RequireToken(verifier))]
RecentlySignedIn = Annotated[Claims, Depends(RequireToken(verifier, max_age=600))]


@app.get("/me")
async def me(claims: SignedIn) -> dict[str, object]:
    return {"user_id": claims.user_id, "roles": list(claims.roles), "process": os.getpid()}


@app.post("/payments")
async def pay(claims: RecentlySignedIn) -> dict[str, int]:
    """A stolen token does not suffice: the password was entered in the last ten minutes."""
    return {"paid_by": claims.user_id}


@app.get("/ready")
async def ready(response: Response) -> dict[str, bool]:
    """For the readiness check of the platform."""
    fresh = verifier.health().fresh
    response.status_code = 200 if fresh else 503
    return {"ready": fresh}
