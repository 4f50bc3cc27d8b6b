"""Plays a transcript of the vectors against a new verifier, through its public functions."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from chat_auth_verifier import Claims, SessionEnd, Verifier
from chat_auth_verifier.transport import Response
from tests.support.fresh_verifier import SERVICE_KEY, outcome_of
from tests.support.manual_clock import ManualClock, settle
from tests.support.scripted_service import ScriptedService


class NamedSocket:
    def __init__(self, name: str, closed: dict[str, list[Any]]) -> None:
        self._name = name
        self._closed = closed

    def close(self, code: int, reason: str) -> None:
        self._closed[self._name] = [code, reason]


class Player:
    def __init__(self, vectors: dict[str, Any], transcript: dict[str, Any]) -> None:
        settings = {**vectors, **transcript}
        self._steps = transcript["steps"]
        self._tokens = vectors["tokens"]
        self._service = ScriptedService(settings["jwks"])
        self._clock = ManualClock(settings["wall_clock"])
        self._verifier = Verifier(
            "http://auth.test:8010",
            SERVICE_KEY,
            settings["issuer"],
            audience=settings["audience"],
            max_staleness=settings["max_staleness_ms"] / 1000,
            when_stale=settings["when_stale"],
            on_error=lambda _: None,
            transport=self._service,
            clock=self._clock,
        )
        self._sockets: dict[str, NamedSocket] = {}
        self._closed: dict[str, list[Any]] = {}
        self._ended: list[dict[str, Any]] = []
        self._requests = 0
        self._ready = "waiting"

    async def play(self) -> None:
        self._verifier.on_session_ended(self._note_end)
        async with self._verifier:
            waiting = asyncio.create_task(self._wait())
            for step in self._steps:
                await self._clock.pass_until(step["at"])
                self._act(step)
                await self._call(step)
                await settle()
                self._check(step)
        await waiting

    def _note_end(self, end: SessionEnd) -> None:
        self._ended.append({"sid": end.sid, "user_id": end.user_id, "reason": end.reason})

    async def _wait(self) -> None:
        try:
            await self._verifier.ready(None)
            self._ready = "ready"
        except Exception:
            self._ready = "failed"

    def _act(self, step: dict[str, Any]) -> None:
        """The service and the network."""
        service, response = self._service, step.get("response")
        if response is not None and "redeem" not in step:
            service.respond(response["status"], response["content_type"], response.get("content_encoding"))
        if "bytes" in step:
            service.send_bytes(step["bytes"].encode() * step.get("times", 1))
        if "base64" in step:
            service.send_bytes(base64.b64decode(step["base64"]))
        if "end" in step:
            service.end(step["end"])
        if "jwks" in step:
            service.keys = Response(503, {}) if step["jwks"] is None else Response(200, step["jwks"])
        service.receipts_status = step.get("receipts_status", service.receipts_status)

    async def _call(self, step: dict[str, Any]) -> None:
        """The application."""
        calls = len(self._service.calls)
        expected: list[Any] = []
        if "verify" in step:
            reply, token = step.get("introspection"), self._tokens[step["verify"]]
            if reply is not None:
                self._service.reply = Response(reply["status"], reply["body"])
                expected = [("v1/introspect", {"token": token})]
            attempt = self._verifier.verify(token, max_age=step.get("max_age"), amr=step.get("amr"))
            self._compare(step, await self._during(step, attempt))
        elif "verify_delivery" in step:
            delivery = self._verifier.verify_delivery(self._tokens[step["verify_delivery"]])
            self._compare(step, await outcome_of(delivery))
        elif "redeem" in step:
            expected = await self._redeem(step, step["redeem"])
        elif "close" in step:
            await self._verifier.close()
        elif "hold" in step:
            await self._hold(step["hold"], await self._verifier.verify(self._tokens[step["token"]]))
        elif "renew" in step:
            socket = self._sockets[step["renew"]]
            self._compare(step, await outcome_of(self._verifier.renew(socket, self._tokens[step["token"]])))
        assert (step["at"], self._service.calls[calls:]) == (step["at"], expected)

    async def _redeem(self, step: dict[str, Any], redeem: dict[str, str]) -> list[Any]:
        """Returns the request that is sent."""
        reply = step.get("response")
        if reply is not None:
            self._service.reply = Response(reply["status"], reply.get("body"))
        seen = await self._during(step, self._verifier.redeem_ticket(redeem["ticket"], redeem.get("origin")))
        self._compare(step, seen)
        if "hold" in step and seen["result"] == "accepted":
            await self._hold(step["hold"], seen["claims"])
        return [] if reply is None else [("v1/tickets/redeem", redeem)]

    async def _during(self, step: dict[str, Any], attempt: Any) -> dict[str, Any]:
        """The events of `meanwhile` arrive after the request and before its response."""
        if "meanwhile" not in step:
            return await outcome_of(attempt)
        release = self._service.hold_reply()
        attempted = asyncio.create_task(outcome_of(attempt))
        await settle()
        self._service.send_bytes(step["meanwhile"].encode())
        await settle()
        release()
        return await attempted

    async def _hold(self, name: str, claims: Claims) -> None:
        socket = self._sockets[name] = NamedSocket(name, self._closed)
        await outcome_of(self._verifier.hold(socket, claims))

    def _compare(self, step: dict[str, Any], seen: dict[str, Any]) -> None:
        assert {**step, "result": seen["result"]} == step
        if "reason" in step:
            assert seen["reason"] == step["reason"]
        if "roles" in step:
            assert list(seen["claims"].roles) == step["roles"]
        if "claims" in step and seen["result"] == "accepted":
            assert seen["claims"].to_dict() == step["claims"]

    def _check(self, step: dict[str, Any]) -> None:
        """Compares with everything that can be seen now."""
        service, health = self._service, self._verifier.health()
        seen = {
            "requests": len(service.feeds),
            "connection": "open" if service.is_feed_open else "closed",
            "ready": self._ready,
            "session_ended": self._ended,
            "key_fetches": service.key_fetches,
            "receipts": service.receipts,
            "closed": self._closed,
            "health": {
                "fresh": health.fresh,
                "staleness_ms": health.staleness * 1000,
                "connected": health.connected,
                "revoked": health.revoked_count,
                "outdated": health.outdated_count,
            },
        }
        if "health" in step:
            seen["health"] = {name: seen["health"][name] for name in step["health"]}
        for name, value in seen.items():
            if name in step:
                assert {"at": step["at"], name: value} == {"at": step["at"], name: step[name]}
        if "request" in step:
            self._check_request(step)

    def _check_request(self, step: dict[str, Any]) -> None:
        """Each request is in the transcript, and no other."""
        self._requests += 1
        headers = dict(self._service.feeds[-1].headers)
        assert (step["at"], len(self._service.feeds)) == (step["at"], self._requests)
        assert headers.pop("last-event-id", None) == step["request"]["last_event_id"]
        assert headers == {
            "accept": "text/event-stream",
            "accept-encoding": "identity",
            "cache-control": "no-cache",
            "authorization": f"Bearer {SERVICE_KEY}",
            "prefer": "snapshot=parts",
        }
