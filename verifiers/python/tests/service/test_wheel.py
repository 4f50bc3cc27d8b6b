"""The package as its users get it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

from tests.support.real_service import RealService

PACKAGE = Path(__file__).parents[2]

PROGRAM = """
import asyncio, os, sys
from chat_auth_verifier import TokenRefused, Verifier

async def main() -> None:
    settings = {name: os.environ[name] for name in ("url", "service_key", "issuer", "audience")}
    async with Verifier(**settings, max_staleness=30.0) as verifier:
        await verifier.ready(None)
        claims = await verifier.verify(sys.argv[1])
        print(claims.user_id)
        try:
            await verifier.verify(sys.argv[1][:-4] + "AAAA")
        except TokenRefused as refusal:
            print(refusal.code)

asyncio.run(main())
"""


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_the_wheel_works_in_an_empty_environment(service: RealService, tmp_path: Path) -> None:
    user = await service.sign_in()
    await asyncio.to_thread(try_wheel, service, user.user_id, user.access_token, tmp_path)


def try_wheel(service: RealService, user_id: int, token: str, folder: Path) -> None:
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(PACKAGE))
    run(*build, cwd=folder)
    [wheel] = (folder / "dist").glob("*.whl")
    assert len(list((folder / "dist").glob("*.tar.gz"))) == 1
    names = zipfile.ZipFile(wheel).namelist()
    assert "chat_auth_verifier/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)

    # The dependencies come from the environment of the tests, so that the test needs no network.
    venv.create(folder / "empty", with_pip=False)
    site = next((folder / "empty" / "lib").glob("python*")) / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)
    for dependency in ("httpx", "cryptography"):
        (site / f"{dependency}.pth").write_text(str(Path(sys.modules["httpx"].__file__ or "").parents[1]))
    settings = service.settings()
    env = {name: str(settings[name]) for name in ("url", "service_key", "issuer", "audience")}
    python = str(folder / "empty" / "bin" / "python")
    printed = run(python, "-I", "-c", PROGRAM, token, cwd=folder, env=env)
    assert printed.split() == [str(user_id), "bad_signature"]
