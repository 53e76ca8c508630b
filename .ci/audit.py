"""`make audit`: scanners over the code, the packages and the running program. Exit status 1 where one finds something.

The program runs on a demo group of its own in a temporary place, on the loopback; the scanners are signed in as a head of
department and hold the API's token. Reports lie in build/audit-reports/.
"""

import html
import http.cookiejar
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "build" / "audit" / "bin"
REPORTS = ROOT / "build" / "audit-reports"
ZHIXING = (sys.executable, "-c", "import sys; from core.commands import main; sys.exit(main())")
WHO = "chenjing"  # the head of a department in the demo group
PASSWORD = "Rowing 4 the 渡口"
SUBPROCESS = "B404,B603,B607"  # programs started without a shell, with words that no user gives
BUSINESS = "positive_data_acceptance"  # what a schema allows, a rule or a branch may still refuse, with 422
ADDRESSES = (  # what sqlmap tries: everything that a page takes in its address
    "/records/complaint/?search=1&sort=happened_at&desc=1&state=received&owner=alice",
    "/records/complaint/look-up/customer?q=1",
    "/department?period=2026-10",
    "/sign-in?next=1",
    "/api/v1/complaint?state=received&owner=alice&limit=5&total=1&after=1",
)


def main(names):
    """Run the scanners that are named, all as a rule; the exit status."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    still = {"bandit": bandit, "pip-audit": pip_audit}
    running = {"schemathesis": schemathesis, "wapiti": wapiti, "sqlmap": sqlmap}
    wanted = names or [*still, *running]
    found = {name: still[name]() for name in wanted if name in still}
    if set(wanted) & set(running):
        with program() as served:
            found |= {name: running[name](served) for name in wanted if name in running}
    for name, told in found.items():
        print(f"{name}: {told or 'nothing found'}")
    return 1 if any(told and not told.startswith("not asked") for told in found.values()) else 0


def run(name, *words, **options):
    """Run a tool; its finished process. What it said lies in the reports."""
    print(f"== {name}", flush=True)
    done = subprocess.run([TOOLS / words[0], *words[1:]], cwd=REPORTS, capture_output=True, text=True, **options)
    (REPORTS / f"{name}.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return done


def bandit():
    done = run(
        "bandit",
        "bandit",
        "-q",
        "-r",
        "--skip",
        SUBPROCESS,
        "-f",
        "json",
        *(ROOT / n for n in ("core", "plugins", ".ci")),
    )
    rows = json.loads(done.stdout)["results"]
    return "; ".join(f"{row['filename']}:{row['line_number']} {row['test_id']} {row['issue_text']}" for row in rows)


def pip_audit():
    lock = ROOT / "requirements.lock"
    done = run("pip-audit", "pip-audit", "-r", lock, "--disable-pip", "--progress-spinner", "off", "-f", "json")
    try:
        rows = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return f"not asked: {done.stderr.strip().splitlines()[-1]}"
    unknown = [row["name"] for row in rows if "skip_reason" in row]
    wrong = [f"{row['name']} {row['version']} {each['id']}" for row in rows for each in row.get("vulns", ())]
    if wrong or not unknown:
        return "; ".join(wrong)
    return f"not asked: PyPI told nothing of {len(unknown)} of {len(rows)} packages here"


@contextmanager
def program():
    """The program with a demo group, served; gives {url, cookie, token}."""
    with tempfile.TemporaryDirectory() as home:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        told = {**os.environ, "ZHIXING_HOME": home, "ZHIXING_DATABASE": f"sqlite:///{home}/audit.db"}
        with (REPORTS / "program.txt").open("wb") as log:
            served = subprocess.Popen(
                [*ZHIXING, "run", "--demo", "--port", str(port)], cwd=ROOT, env=told, stdout=log, stderr=log
            )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/sign-in")
            link = subprocess.run(
                [*ZHIXING, "user", "link", WHO, "--json"], cwd=ROOT, env=told, check=True, capture_output=True
            )
            token = subprocess.run(
                [*ZHIXING, "token", WHO, "--json"], cwd=ROOT, env=told, check=True, capture_output=True
            )
            at = urllib.parse.urlsplit(json.loads(link.stdout)["link"]).path
            yield {"url": url, "cookie": sign_in(url, at), "token": json.loads(token.stdout)["token"]}
        finally:
            served.terminate()
            served.wait(30)


def wait_for(address, seconds=120):
    until = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(address, timeout=10).read()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def sign_in(url, link):
    """Spend a one-time link as a browser would, and set a password; the cookie of the session."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def send(address, **fields):
        page = browser.open(address).read().decode()
        fields["csrf_token"] = html.unescape(re.search(r'name="csrf_token" value="([^"]+)"', page)[1])
        return browser.open(address, urllib.parse.urlencode(fields).encode()).read()

    send(f"{url}{link}")
    send(f"{url}/account/password", new=PASSWORD, again=PASSWORD)
    assert b"sign-out" in browser.open(f"{url}/").read(), "not signed in"
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def schemathesis(served):
    done = run(
        "schemathesis", "schemathesis", "run", f"{served['url']}/api/v1/openapi.json", "--url", f"{served['url']}/api/v1",
        "-H", f"Authorization: Bearer {served['token']}", "--checks", "all", "--exclude-checks", BUSINESS, "--max-examples", "30",
        "--no-color", "--seed", "1",
    )  # fmt: skip
    return "" if done.returncode == 0 else f"see {REPORTS / 'schemathesis.txt'}"


def wapiti(served):
    report, place = REPORTS / "wapiti.json", REPORTS / "wapiti"
    shutil.rmtree(place, ignore_errors=True)
    run(
        "wapiti", "wapiti", "-u", f"{served['url']}/", "-H", f"Cookie: {served['cookie']}", "--scope", "folder",
        "-x", f"{served['url']}/sign-out", "--max-scan-time", "240", "--max-attack-time", "40", "-f", "json", "-o", report,
        "--flush-session", "--no-bugreport", "--store-session", place,
    )  # fmt: skip
    rows = json.loads(report.read_text(encoding="utf-8"))
    found = [
        f"{kind}: {each['method']} {each['path']} {each['info']}"
        for kind, all_ in rows["vulnerabilities"].items()
        for each in all_
    ]
    return "; ".join(found)


def sqlmap(served):
    for address in ADDRESSES:
        done = run(
            f"sqlmap{ADDRESSES.index(address)}", "sqlmap", "-u", served["url"] + address, "--batch", "--flush-session",
            "-H", f"Cookie: {served['cookie']}", "-H", f"Authorization: Bearer {served['token']}", "--skip-static",
            "--level", "2", "--risk", "1", "--threads", "4", "--timeout", "20", "--output-dir", REPORTS / "sqlmap", "--dbms", "SQLite",
        )  # fmt: skip
        if "is vulnerable" in done.stdout or "sqlmap identified the following injection" in done.stdout:
            return f"{address}: see the report"
        if (
            "all tested parameters do not appear to be injectable" not in done.stdout
            and "no parameter" not in done.stdout
        ):
            return f"{address}: was not tested; see the report"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
