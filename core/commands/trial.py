"""The program tried out in a temporary place: every plugin proved, and its pages served and read over the loopback."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from core.kit.proving import prove
from core.language import say
from core.plugins import load
from core.roles import CORE_ROLES

PATIENCE = 60  # seconds until the program must have answered
ZHIXING = (sys.executable, "-c", "import sys; from core.commands import main; sys.exit(main())")


def trial():
    """What was tried, as rows {check, holds, told}."""
    for name in load(roles=CORE_ROLES).plugins:
        asked = [row for row in prove(name, by_tests=False) if row["holds"] is not None]
        faults = [fault for row in asked if not row["holds"] for fault in row["faults"]]
        told = "; ".join(faults) or say("{n} 项承诺均成立", "{n} promises hold", n=len(asked))
        yield {"check": f"plugin {name}", "holds": not faults, "told": told}
    yield _served()


def _served():
    with tempfile.TemporaryDirectory() as home:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        told = {**os.environ, "ZHIXING_HOME": home, "ZHIXING_DATABASE": f"sqlite:///{home}/trial.db"}
        log = Path(home) / "trial.log"
        with log.open("wb") as out:
            command = [*ZHIXING, "run", "--port", str(port)]
            program = subprocess.Popen(command, env=told, stdout=out, stderr=subprocess.STDOUT)
        try:
            return {"check": "pages", **_read(f"http://127.0.0.1:{port}", program)}
        finally:
            program.terminate()
            program.wait(PATIENCE)


def _read(url, program):
    """Read the page for signing in and everything that it loads; all of it must lie here."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            page = _get(f"{url}/sign-in").decode()
            break
        except OSError as error:
            if program.poll() is not None or time.monotonic() > until:
                told = say("程序没有应答:{error}", "the program did not answer: {error}", error=error)
                return {"holds": False, "told": told}
            time.sleep(0.2)
    loaded = re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="([^"]+)"', page)
    elsewhere = [path for path in loaded if not path.startswith("/") or path.startswith("//")]
    missing = [path for path in loaded if path not in elsewhere and not _is_there(url + path)]
    if elsewhere or missing or not loaded:
        told = say("缺少:{files}", "missing: {files}", files=", ".join(elsewhere + missing) or "*")
        return {"holds": False, "told": told}
    return {"holds": True, "told": say("登录页及其 {n} 个文件", "sign-in and its {n} files", n=len(loaded))}


def _is_there(address):
    try:
        return bool(_get(address))
    except urllib.error.HTTPError:
        return False


def _get(address):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # straight to this machine
    with opener.open(address, timeout=PATIENCE) as answer:
        return answer.read()
