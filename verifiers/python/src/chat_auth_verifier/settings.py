"""Checking the arguments of a verifier."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from .error_report import OnError

WhenStale = Literal["refuse", "introspect", "accept"]
"""How a verifier treats a valid token while it may not know every ended session.

`refuse` raises `TokenRefused` with the code `stale`. `introspect` asks the service about each token (RFC 7662). `accept`
accepts the token unless its session is known to have ended.
"""

_LOOKS_LIKE_KEY = re.compile(r"-----BEGIN|\"kty\"|^[\s\ufeff]*(ssh-|ecdsa-)")


class VerifierOptions(TypedDict, total=False):
    """The optional arguments of `Verifier` and `BlockingVerifier`."""

    audience: str | None
    """The exact `aud`: `TOKEN_AUDIENCE`. Without it, tokens must carry no `aud`."""
    shared_secret: str | None
    """The HS256 secret. With it, no keys are fetched and only HS256 tokens are accepted."""
    max_staleness: float
    """Seconds after which knowledge of ended sessions is stale, at least 2. Default: 5."""
    when_stale: WhenStale
    """Default: `refuse`."""
    cache_size: int
    """Number of checked tokens to remember; 0 turns the cache off. Default: 10,000."""
    on_error: OnError | None
    """Called with errors in the background. Default: a warning in the log `chat_auth_verifier`, each message at most once
    an hour. Errors contain no secrets."""


@dataclass(frozen=True)
class Settings:
    base: str
    """Ends with a slash."""
    service_key: str = field(repr=False)
    issuer: str
    audience: str | None
    shared_secret: bytes | None = field(repr=False)
    max_staleness_ms: float
    when_stale: WhenStale
    cache_size: int
    on_error: OnError | None


def read_settings(
    url: Any,
    service_key: Any,
    issuer: Any,
    *,
    audience: Any = None,
    shared_secret: Any = None,
    max_staleness: Any = 5.0,
    when_stale: Any = "refuse",
    cache_size: Any = 10_000,
    on_error: Any = None,
) -> Settings:
    """Raises a `ValueError` that names the argument and what it must be, without its value."""
    _require(
        isinstance(service_key, str) and re.fullmatch(r"[\x21-\x7e]+", service_key) is not None,
        "service_key: must be the secret of one of SERVICE_KEYS of the service",
    )
    _require(isinstance(issuer, str) and issuer != "", "issuer: must be TOKEN_ISSUER of the service")
    _require(
        audience is None or (isinstance(audience, str) and audience != ""),
        "audience: must be TOKEN_AUDIENCE of the service, or left out",
    )
    _require(
        isinstance(max_staleness, (int, float)) and 2 <= max_staleness < float("inf"),
        "max_staleness: must be at least 2 seconds",
    )
    _require(when_stale in ("refuse", "introspect", "accept"), "when_stale: must be refuse, introspect or accept")
    _require(type(cache_size) is int and cache_size >= 0, "cache_size: must be a whole number, 0 or more")
    return Settings(
        base=_read_base(url),
        service_key=service_key,
        issuer=issuer,
        audience=audience,
        shared_secret=_read_secret(shared_secret),
        max_staleness_ms=max_staleness * 1000,
        when_stale=when_stale,
        cache_size=cache_size,
        on_error=on_error,
    )


def _require(is_valid: bool, requirement: str) -> None:
    if not is_valid:
        raise ValueError(f"Verifier, argument {requirement}.")


def _read_base(url: Any) -> str:
    _require(isinstance(url, str), "url: must be the internal listener, such as http://auth:8010")
    try:
        parts = urlsplit(url)
        has_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_address = False
    _require(has_address, "url: must be the internal listener, such as http://auth:8010")
    _require(
        parts.username is None and parts.password is None,
        "url: must not contain a name or password; use service_key",
    )
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    return f"{parts.scheme}://{parts.netloc}{path}"


def _read_secret(secret: Any) -> bytes | None:
    if secret is None:
        return None
    _require(isinstance(secret, str) and len(secret.encode()) >= 32, "shared_secret: must be at least 32 bytes")
    # With a public key as the secret, everyone who has the key could sign tokens (RFC 8725, section 2.1).
    _require(_LOOKS_LIKE_KEY.search(secret) is None, "shared_secret: must be a secret, not a public or private key")
    return bytes(secret.encode())
