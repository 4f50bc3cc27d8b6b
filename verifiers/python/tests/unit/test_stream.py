"""The stream of the feed over real connections."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import h11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chat_auth_verifier.service.http_transport import HttpTransport

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Receiver:
    def __init__(self, needs_body: bool = True) -> None:
        self._needs_body = needs_body
        self.sent = 0
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.chunks: list[bytes] = []
        self.has_data = asyncio.Event()

    def on_send(self) -> None:
        self.sent += 1

    def on_head(self, status: int, headers: Mapping[str, str]) -> bool:
        self.status, self.headers = status, headers
        return self._needs_body

    def on_data(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self.has_data.set()


@asynccontextmanager
async def serving(
    serve: Serve, scheme: str = "http", tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpTransport]:
    connections: list[asyncio.Task[None] | None] = []

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0, ssl=tls)
    transport = HttpTransport(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/base/")
    try:
        yield transport
    finally:
        await transport.close()
        await asyncio.gather(*(one for one in connections if one is not None), return_exceptions=True)
        server.close()


def responding(*parts: bytes, heads: list[bytes] | None = None) -> Serve:
    """A server that sends these parts, and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return serve


async def stream(transport: HttpTransport, receiver: Receiver) -> None:
    await transport.stream("v1/revocations/stream", {"authorization": "Bearer key"}, receiver)


async def test_the_feed_is_requested_once_on_a_connection_of_its_own() -> None:
    heads: list[bytes] = []
    receiver = Receiver()
    async with serving(responding(CHUNKED, b"0\r\n\r\n", heads=heads)) as transport:
        await stream(transport, receiver)
    lines = heads[0].decode().lower().split("\r\n")
    assert lines[0] == "get /base/v1/revocations/stream http/1.1"
    assert {"authorization: bearer key", "connection: close", "user-agent: chat-auth-verifier (python)"} < set(lines)
    assert sum(line.startswith("host: 127.0.0.1:") for line in lines) == 1
    assert (receiver.sent, receiver.status) == (1, 200)
    assert receiver.headers["content-type"] == "text/event-stream"


async def test_the_body_arrives_as_it_is_sent_whatever_its_framing() -> None:
    bodies = {
        "chunks that are split": [CHUNKED, b"5\r\nab", b"cde\r", b"\n1;x=y\r\nf\r\n0\r\n\r\n"],
        "a length": [HEAD + b"Content-Length: 6\r\n\r\nabc", b"def"],
        "until the connection ends": [HEAD + b"\r\nabc", b"def"],
        "after an informational response": [
            b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 6\r\n\r\nabcdef"
        ],
    }
    for name, parts in bodies.items():
        receiver = Receiver()
        async with serving(responding(*parts)) as transport:
            await stream(transport, receiver)
        assert (name, b"".join(receiver.chunks)) == (name, b"abcdef")


async def test_a_response_that_is_cut_off_or_not_http_is_an_error() -> None:
    broken: dict[str, tuple[bytes, type[Exception]]] = {
        "a chunk is missing": (CHUNKED + b"5\r\nab", h11.RemoteProtocolError),
        "bytes of a length are missing": (HEAD + b"Content-Length: 6\r\n\r\nabc", h11.RemoteProtocolError),
        "nothing": (b"", ConnectionError),
        "half a head": (b"HTTP/1.1 200 OK\r\n", ConnectionError),
        "not HTTP": (b"SSH-2.0-x\r\n\r\n", h11.RemoteProtocolError),
        "a chunk of no size": (CHUNKED + b"x\r\n", h11.RemoteProtocolError),
        "a head without an end": (HEAD + b"x: " + b"y" * 200_000, h11.RemoteProtocolError),
    }
    for name, (data, error) in broken.items():
        async with serving(responding(data)) as transport:
            try:
                await stream(transport, Receiver())
            except error:
                continue
        raise AssertionError(name)


async def test_a_connection_that_is_reset_is_an_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        # A socket that does not linger sends a reset when it closes.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with serving(serve) as transport:
        with pytest.raises(ConnectionResetError):
            await stream(transport, Receiver())


async def test_a_redirect_is_not_followed_and_a_body_that_is_not_needed_is_not_awaited() -> None:
    receiver, closed = Receiver(needs_body=False), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 10\r\n\r\n")
        assert await reader.read() == b""
        closed.set()

    async with serving(serve) as transport:
        await stream(transport, receiver)
        await closed.wait()
    assert (receiver.status, receiver.chunks) == (302, [])


async def test_an_error_of_the_receiver_ends_the_exchange_and_nothing_follows() -> None:
    class Failing(Receiver):
        def on_data(self, chunk: bytes) -> None:
            super().on_data(chunk)
            raise LookupError

    receiver = Failing()
    async with serving(responding(CHUNKED + b"1\r\na\r\n1\r\nb\r\n", b"1\r\nc\r\n0\r\n\r\n")) as transport:
        with pytest.raises(LookupError):
            await stream(transport, receiver)
    assert receiver.chunks == [b"a"]


async def test_a_cancelled_stream_closes_its_connection() -> None:
    receiver, closed = Receiver(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CHUNKED + b"1\r\na\r\n")
        assert await reader.read() == b""
        closed.set()

    async with serving(serve) as transport:
        exchange = asyncio.create_task(stream(transport, receiver))
        await receiver.has_data.wait()
        exchange.cancel()
        with pytest.raises(asyncio.CancelledError):
            await exchange
        await closed.wait()


async def test_a_stream_that_is_cancelled_during_the_tls_handshake_closes_its_connection() -> None:
    greeted, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        greeted.set()
        await reader.read()
        closed.set()

    receiver = Receiver()
    async with serving(serve, "https") as transport:
        exchange = asyncio.create_task(stream(transport, receiver))
        await greeted.wait()
        exchange.cancel()
        with pytest.raises(asyncio.CancelledError):
            await exchange
        await closed.wait()
    assert receiver.sent == 0


async def test_headers_of_the_same_name_are_joined_so_that_none_hides_another() -> None:
    receiver = Receiver()
    head = HEAD + b"Content-Encoding: identity\r\ncontent-encoding: gzip\r\nContent-Length: 0\r\n\r\n"
    async with serving(responding(head)) as transport:
        await stream(transport, receiver)
    assert receiver.headers["content-encoding"] == "identity, gzip"


def certificate(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate that signs itself, and a server with it."""
    key, now = Ed25519PrivateKey.generate(), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .sign(key, None)
    )
    path, secret = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path, secret)
    return path, server


async def test_a_feed_over_tls_is_read_from_a_trusted_server_of_this_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = responding(CHUNKED, b"6\r\nabcdef\r\n0\r\n\r\n")
    for host, is_trusted in (("127.0.0.1", True), ("127.0.0.2", True), ("127.0.0.1", False)):
        path, server = certificate(tmp_path, host)
        # The transport reads it when it is made.
        monkeypatch.setenv("SSL_CERT_FILE", str(path) if is_trusted else "/dev/null")
        receiver = Receiver()
        async with serving(served, "https", server) as transport:
            if host == "127.0.0.1" and is_trusted:
                await stream(transport, receiver)
                assert receiver.chunks == [b"abcdef"]
                continue
            with pytest.raises(ssl.SSLCertVerificationError):
                await stream(transport, receiver)
            assert receiver.sent == 0
