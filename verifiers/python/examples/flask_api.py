"""An API with Flask. Run it: flask --app flask_api run"""

from __future__ import annotations

import os

from flask import Flask, g

from chat_auth_verifier.blocking import BlockingVerifier
from chat_auth_verifier.flask import handle_refusals, require_token

verifier = BlockingVerifier(
    url=os.environ["AUTH_URL"],
    service_key=os.environ["SERVICE_KEY"],
    issuer=os.environ["TOKEN_ISSUER"],
    audience=os.environ.get("TOKEN_AUDIENCE"),
)
app = Flask(__name__)
handle_refusals(app)


@app.get("/me")
@require_token(verifier)
def me() -> dict[str, int]:
    return {"user_id": g.claims.user_id}
