"""docs/python.md, followed to the letter in an empty folder, except for the ports and the installation."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from tests.service.test_frameworks import port_of
from tests.support.examples import environment_of
from tests.support.real_service import ROOT, RealService
from tests.support.waiting import patiently


def blocks_of(language: str) -> list[str]:
    page = (ROOT / "docs/python.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


async def run(script: str, folder: Path) -> str:
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euc", script, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await patiently(shell.communicate())
    assert shell.returncode == 0, output.decode()
    return output.decode()


async def test_the_page_for_python_users_works_as_it_is_written(service: RealService, tmp_path: Path) -> None:
    [app] = blocks_of("python")
    public, internal = service.url.removeprefix("http://"), service.internal_url.removeprefix("http://")
    (tmp_path / "app.py").write_text(app.replace("localhost:8010", internal))
    start, sign_in, sign_out = blocks_of("sh")[-3:]
    assert ".venv/bin/uvicorn app:app --port 8080" in start
    # The key of the page has the scope verify and no other.
    environment = {**environment_of(service), "SERVICE_KEY": service.verifier_key}
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "app:app", "--port", "0"),
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
    )
    try:
        port = await patiently(port_of(server))

        def here(script: str) -> str:
            return script.replace("localhost:8000", public).replace("localhost:8080", f"127.0.0.1:{port}")

        signed_in = await run(f"{here(sign_in)}\necho\necho $TOKEN", tmp_path)
        *_, accepted, token = signed_in.splitlines()
        assert " 200 OK" in signed_in
        assert '"user_id":' in accepted
        delete, call = sign_out.splitlines()
        assert " 204 No Content" in await run(f"TOKEN={token}\n{here(delete)}", tmp_path)

        async def until_refused() -> str:
            # The end arrives within milliseconds, but on a busy machine not before the next request.
            while " 200 OK" in (response := await run(f"TOKEN={token}\n{here(call)}", tmp_path)):
                pass
            return response

        refused = await patiently(until_refused())
        assert " 401 Unauthorized" in refused
        assert '"session_ended"' in refused
        assert '"signed_out"' in refused
    finally:
        server.terminate()
        await server.communicate()
