"""The real auth service, with the embedded database on free ports, and its users."""

from __future__ import annotations

import os
import random
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chat_auth_verifier import Verifier

ROOT = Path(__file__).parents[4]
ISSUER = "http://localhost:8000"
AUDIENCE = "chat"
# Tests give up on an event after this time. It is never reached on a machine that makes progress.
PATIENCE_SECONDS = 90.0

_PUBLIC = re.compile(r"API +http://localhost:(\d+)/v1")
_INTERNAL = re.compile(r"Internal +http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class SignedIn:
    user_id: int
    username: str
    password: str
    access_token: str
    refresh_token: str
    sid: str


@dataclass(frozen=True)
class RealService:
    url: str
    internal_url: str
    service_key: str
    """Of the command line: it has every scope."""
    verifier_key: str

    def settings(self, **others: Any) -> dict[str, Any]:
        """Arguments of a verifier, for all tests in which it must not become stale on a busy machine."""
        return {
            "url": self.internal_url,
            "service_key": self.service_key,
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "max_staleness": 30.0,
            **others,
        }

    def verifier(self, **others: Any) -> Verifier:
        return Verifier(**self.settings(**others))

    def environment(self) -> dict[str, str]:
        """For the examples."""
        return {
            "AUTH_URL": self.internal_url,
            "SERVICE_KEY": self.service_key,
            "TOKEN_ISSUER": ISSUER,
            "TOKEN_AUDIENCE": AUDIENCE,
        }

    async def call(self, method: str, path: str, body: Any = None, token: str | None = None, status: int = 200) -> Any:
        # An address of its own, so that rate limits treat each caller separately.
        headers = {"x-forwarded-for": f"198.18.{random.randrange(256)}.{random.randrange(256)}"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS, trust_env=False) as client:
            response = await client.request(method, path, json=body, headers=headers)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def sign_in(self, known: SignedIn | None = None) -> SignedIn:
        """Signs in a new user, or one that is known with another session."""
        username = known.username if known else f"user{secrets.token_hex(6)}"
        password = known.password if known else secrets.token_urlsafe(18)
        credentials = {"username": username, "password": password}
        if known is None:
            sign_up = {**credentials, "email": f"{username}@example.org"}
            user_id = (await self.call("POST", "/v1/users", sign_up, status=201))["id"]
        else:
            user_id = known.user_id
        tokens = await self.call("POST", "/v1/sessions", credentials, status=201)
        return SignedIn(user_id, *credentials.values(), *_tokens_of(tokens), tokens["session"]["id"])

    async def sign_out(self, user: SignedIn) -> None:
        await self.call("DELETE", "/v1/sessions/current", token=user.access_token, status=204)

    async def refresh(self, user: SignedIn) -> SignedIn:
        body = {"refresh_token": user.refresh_token}
        tokens = await self.call("POST", "/v1/sessions/refresh", body)
        return SignedIn(user.user_id, user.username, user.password, *_tokens_of(tokens), user.sid)

    async def ticket(self, user: SignedIn) -> str:
        made = await self.call("POST", "/v1/tickets", token=user.access_token, status=201)
        return str(made["ticket"])


def _tokens_of(body: Any) -> tuple[str, str]:
    return body["access_token"], body["refresh_token"]


@contextmanager
def running_service(data: Path) -> Iterator[RealService]:
    settings = {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "HOST": "127.0.0.1",
        "INTERNAL_PORT": "0",
        "TRUSTED_PROXIES": "127.0.0.1",
        "TOKEN_AUDIENCE": AUDIENCE,
        "DATA_DIR": str(data),
    }
    installed = ROOT / "node_modules/.bin/node"
    node = os.environ.get("CHAT_AUTH_NODE") or (str(installed) if installed.exists() else shutil.which("node"))
    assert node is not None, "The tests need Node.js: run npm ci."
    log = (data / "log").open("wb")
    arguments = [node, "--disable-warning=ExperimentalWarning", str(ROOT / "service/src/main.ts")]
    process = subprocess.Popen(arguments, env=settings, cwd=data, stdout=log, stderr=subprocess.PIPE, text=True)
    # Ends the service even if this process is killed: then the input of the watchdog ends.
    script = 'read -r _; kill -KILL "$1" 2>/dev/null'
    watchdog = subprocess.Popen(["sh", "-c", script, "watchdog", str(process.pid)], stdin=subprocess.PIPE)
    try:
        url, internal_url = _read_banner(process)
        keys = [(data / f"{name}-key").read_text().strip() for name in ("service", "verifier")]
        yield RealService(url, internal_url, *keys)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        watchdog.kill()
        watchdog.wait()
        for stream in (process.stderr, watchdog.stdin, log):
            if stream is not None:
                stream.close()


def _read_banner(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stderr is not None
    words = ""
    for line in process.stderr:
        words += line
        public, internal = _PUBLIC.search(words), _INTERNAL.search(words)
        # The last line of the banner is an example that signs up a user.
        if public and internal and "-d '" in line:
            return f"http://127.0.0.1:{public[1]}", f"http://127.0.0.1:{internal[1]}"
    raise AssertionError(f"The service did not start:\n{words}")
