"""An echo server with the package `websockets`. Run it: python websockets_echo.py"""

from __future__ import annotations

import asyncio
import os

from websockets.asyncio.server import ServerConnection, serve

from chat_auth_verifier import Verifier
from chat_auth_verifier.websockets import holding, require_session


async def main() -> None:
    async with Verifier(
        url=os.environ["AUTH_URL"],
        service_key=os.environ["SERVICE_KEY"],
        issuer=os.environ["TOKEN_ISSUER"],
        audience=os.environ.get("TOKEN_AUDIENCE"),
    ) as verifier:
        await verifier.ready()

        async def echo(connection: ServerConnection) -> None:
            async with holding(verifier, connection) as claims:
                await connection.send(f"hello {claims.user_id}")
                async for message in connection:
                    await connection.send(message)

        port = int(os.environ.get("PORT", "8080"))
        async with serve(echo, "127.0.0.1", port, process_request=require_session(verifier)) as server:
            print(f"ready on port {server.sockets[0].getsockname()[1]}", flush=True)
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
