"""Requests to the service, limited in time and size."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ..clock import Clock
from ..transport import Request, Response, Transport


class JsonRequests:
    def __init__(self, transport: Transport, clock: Clock, service_key: str) -> None:
        self._transport = transport
        self._clock = clock
        self._service_key = service_key

    async def get(self, path: str, timeout_ms: float, max_bytes: int) -> Response:
        """Sends no credentials."""
        headers = {"accept": "application/json"}
        return await self._send(Request("GET", path, headers, None, max_bytes), timeout_ms)

    async def post(self, path: str, body: Any, timeout_ms: float = 2_000) -> Response:
        """`timeout_ms` covers everything, from the look-up of the name to the last byte."""
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "authorization": f"Bearer {self._service_key}",
        }
        request = Request("POST", path, headers, json.dumps(body).encode(), 64 * 1024)
        return await self._send(request, timeout_ms)

    async def _send(self, request: Request, timeout_ms: float) -> Response:
        """Raises `ConnectionError` if there is no complete response in time."""
        exchange = asyncio.ensure_future(self._transport.send(request))
        is_late = False

        def give_up() -> None:
            nonlocal is_late
            is_late = True
            exchange.cancel()

        cancel_timer = self._clock.after(timeout_ms, give_up)
        try:
            return await exchange
        except asyncio.CancelledError:
            if not is_late:
                exchange.cancel()
                raise
            reason = "no response in time"
        except Exception as error:
            reason = str(error) or type(error).__name__
        finally:
            cancel_timer()
        raise ConnectionError(f"{request.method} {request.path}: {reason}")
