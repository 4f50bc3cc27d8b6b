"""Verifies chat-auth access tokens locally and learns within milliseconds which sessions have ended.

It does not issue tokens and is not a general JWT library: it accepts one issuer and one kind of token.
"""

from .feed.feed_state import SessionEnd
from .feed.readiness import NotReady
from .settings import VerifierOptions, WhenStale
from .sockets.closing import GuardedSocket
from .token.claims import Claims, DeliveryClaims
from .token.refused import RefusalCode, TokenRefused
from .verification.health import Health
from .verifier import Verifier

__all__ = [
    "Claims",
    "DeliveryClaims",
    "GuardedSocket",
    "Health",
    "NotReady",
    "RefusalCode",
    "SessionEnd",
    "TokenRefused",
    "Verifier",
    "VerifierOptions",
    "WhenStale",
]
