"""`make audit`: scanners over the code, the packages and the running program. Exit status 1 where one finds something.

The program runs on a demo group of its own in a temporary place, on the loopback; the scanners are signed in as a head of
department and hold the API's token. Reports lie in build/audit-reports/.
"""

import html
import http.cookiejar
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "build" / "audit" / "bin"
REPORTS = ROOT / "build" / "audit-reports"
ZHIXING = (sys.executable, "-c", "import sys; from core.commands import main; sys.exit(main())")
WHO = "chenjing"  # the head of a department in the demo group
SUBPROCESS = "B404,B603,B607"  # programs started without a shell, with words that no user gives
NO_FINDINGS = (  # checks of schemathesis
    "positive_data_acceptance",  # what a schema allows, a rule or a branch may still refuse, with 422
    "missing_required_header",  # it does not know 428 (RFC 6585), with which a change without If-Match is refused
)
MODULES = (  # of wapiti: not ssrf, which asks a server of its makers; not csrf, which sends a form again with
    # its content type doubled, so that both are refused alike, and calls the token unread (tests/house/test_routes.py)
    "cookieflags,crlf,csp,exec,file,http_headers,log4shell,methods,permanentxss,redirect,shellshock,sql,timesql,"
    "upload,xss,xxe"
)
NO_TLS = "Secure flag is not set"  # the loopback is asked without TLS; behind it the flag is set (tests/house/test_routes.py)
LEAVES = ("/sign-out", "/account/end*", "/account/password*", "/account/app*")  # what would sign the scanner out
NOT_ASKED = "not asked:"
PAGES = 250  # how many pages are looked at for parameters that sqlmap shall try


def main(names):
    """Run the scanners that are named, all as a rule; the exit status."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    still = {"bandit": bandit, "pip-audit": pip_audit}
    running = {"schemathesis": schemathesis, "wapiti": wapiti, "sqlmap": sqlmap}
    wanted = names or [*still, *running]
    found = {name: timed(still[name]) for name in wanted if name in still}
    if set(wanted) & set(running):
        with program() as served:
            found |= {name: timed(running[name], served) for name in wanted if name in running}
    print(f"\n{'scanner':14} {'seconds':>7}  found")
    for name, (told, seconds) in found.items():
        print(f"{name:14} {seconds:7.0f}  " + (f"\n{'':24}".join(told) or "nothing"))
    print(f"\nWhat each said lies in {REPORTS.relative_to(ROOT)}/.")
    return 1 if any(not line.startswith(NOT_ASKED) for told, _ in found.values() for line in told) else 0


def timed(scan, *served):
    """What a scanner found, as lines, and the seconds that it took."""
    began = time.monotonic()
    return scan(*served), time.monotonic() - began


def run(name, *words):
    """Run a tool; (exit status, what it printed). What it said lies in the reports, errors beside it."""
    print(f"== {name}", flush=True)
    said = REPORTS / f"{name}.txt"
    with (
        said.open("w", encoding="utf-8") as out,
        (REPORTS / f"{name}.errors.txt").open("w", encoding="utf-8") as errors,
    ):
        done = subprocess.run([TOOLS / words[0], *words[1:]], cwd=REPORTS, stdout=out, stderr=errors)
    return done.returncode, said.read_text(encoding="utf-8")


def bandit():
    _, said = run(
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
    rows = json.loads(said)["results"]
    place = {row["filename"]: Path(row["filename"]).relative_to(ROOT) for row in rows}
    return [f"{place[row['filename']]}:{row['line_number']} {row['test_id']} {row['issue_text']}" for row in rows]


def pip_audit():
    lock = ROOT / "requirements.lock"
    _, said = run("pip-audit", "pip-audit", "-r", lock, "--disable-pip", "--progress-spinner", "off", "-f", "json")
    try:
        rows = json.loads(said)["dependencies"]
    except ValueError:
        return [f"{NOT_ASKED} it did not come to its end"]
    unknown = [row["name"] for row in rows if "skip_reason" in row]
    wrong = [f"{row['name']} {row['version']} {each['id']}" for row in rows for each in row.get("vulns", ())]
    if unknown:
        wrong.append(
            f"{NOT_ASKED} the vulnerabilities of {len(unknown)} of {len(rows)} packages, of which PyPI told nothing"
        )
    return wrong


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
            return urllib.request.urlopen(address, timeout=10).read()  # nosec B310  # the loopback, as begun above
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
    password = secrets.token_urlsafe(20)
    send(f"{url}/account/password", new=password, again=password)
    browser.open(f"{url}/account/").read()  # a page with a form: from here on the session has the secret of its tokens
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def looked_at(served, path):
    """A page as the person signed in sees it; "" where it is not to be seen."""
    asked = urllib.request.Request(served["url"] + path, headers={"Cookie": served["cookie"]})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # nosec B310  # the loopback, as begun above
            return answer.read().decode() if answer.headers.get_content_type() == "text/html" else ""
    except urllib.error.HTTPError:
        return ""


def is_signed_in(served):
    return "/sign-out" in looked_at(served, "/")


def schemathesis(served):
    status, said = run(
        "schemathesis", "schemathesis", "run", f"{served['url']}/api/v1/openapi.json", "--url", f"{served['url']}/api/v1",
        "-H", f"Authorization: Bearer {served['token']}", "--checks", "all", "--exclude-checks", ",".join(NO_FINDINGS),
        "--max-examples", "30", "--no-color", "--seed", "1",
    )  # fmt: skip
    failures = re.findall(r"^ +❌ (ST\d+ .*)$", said, re.M)
    return failures or ([] if status == 0 else ["it did not come to its end"])


def wapiti(served):
    report, place = REPORTS / "wapiti.json", REPORTS / "wapiti"
    shutil.rmtree(place, ignore_errors=True)
    report.unlink(missing_ok=True)
    leaves = [word for path in LEAVES for word in ("-x", served["url"] + path)]
    run(
        "wapiti", "wapiti", "-u", f"{served['url']}/", "-H", f"Cookie: {served['cookie']}", "--scope", "folder",
        *leaves, "-m", MODULES, "--max-scan-time", "40", "--max-attack-time", "12", "-f", "json", "-o", report,
        "--max-files-per-dir", "3", "--max-links-per-page", "60", "--max-parameters", "40", "--flush-session", "--no-bugreport", "--store-session", place,
    )  # fmt: skip
    if not report.exists():
        return ["it did not come to its end"]
    rows = json.loads(report.read_text(encoding="utf-8"))
    found = {
        f"{kind}: {each['method']} {each['path']} {each['parameter'] or ''} {each['info']}"
        for part in ("vulnerabilities", "anomalies")
        for kind, all_ in rows[part].items()
        for each in all_
        if not each["info"].startswith(NO_TLS)
    }
    return sorted(found) + ([] if is_signed_in(served) else ["it was signed out on its way"])


def sqlmap(served):
    """Try every parameter that an address of a page or of the API takes, each by itself."""
    addresses = [*of_pages(served), *of_api(served)]
    (REPORTS / "sqlmap-addresses.txt").write_text("\n".join(addresses), encoding="utf-8")
    results = REPORTS / "sqlmap.csv"
    results.unlink(missing_ok=True)
    _, said = run(
        "sqlmap", "sqlmap", "-m", REPORTS / "sqlmap-addresses.txt", "--batch", "--flush-session", "--disable-coloring",
        "--cookie", served["cookie"], "-H", f"Authorization: Bearer {served['token']}", "--drop-set-cookie",
        "--technique", "BE", "--threads", "4", "--timeout", "20", "--output-dir", REPORTS / "sqlmap", "--dbms", "SQLite",
        "--ignore-code", "*", "--results-file", results,
    )  # fmt: skip
    tried = len(set(re.findall(r"testing URL '([^']+)'", said)))
    rows = results.read_text(encoding="utf-8").splitlines()[1:] if results.exists() else []
    if tried < len(addresses):
        rows.append(f"{len(addresses) - tried} of {len(addresses)} addresses were not tried")
    return rows + ([] if is_signed_in(served) else ["it was signed out on its way"])


def of_pages(served):
    """Addresses of the pages that a person comes to by links and forms, one for each parameter of a kind of page."""
    waiting, seen, known, found = ["/"], set(), set(), {}
    while waiting and len(seen) < PAGES:
        path = waiting.pop(0)
        if path in seen or any(fnmatch(path, each) for each in LEAVES):
            continue
        seen.add(path)
        page = Parameters(path)
        page.feed(looked_at(served, path))
        waiting += [link for link in page.links if re.sub(r"\d+", "0", link) not in known]
        known |= {re.sub(r"\d+", "0", link) for link in page.links}
        for at, name, value in page.found:
            found.setdefault((kind_of(at), name), f"{served['url']}{at}?{urllib.parse.urlencode({name: value or 1})}")
    return list(found.values())


def kind_of(path):
    """An address with all numbers and record types alike: the same code answers."""
    return re.sub(r"\d+", "0", re.sub(r"^/(records|archive)/\w+", r"/\1/x", path))


class Parameters(HTMLParser):
    """Where a page leads, and what the addresses of its links and forms take: [(path, name, value)]."""

    def __init__(self, path):
        super().__init__()
        self.path, self.form, self.links, self.found = path, None, [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            at = urllib.parse.urlsplit(urllib.parse.urljoin(self.path, given["href"]))
            if not at.netloc and not at.scheme:
                self.links.append(at.path)
                self.found += [(at.path, *pair) for pair in urllib.parse.parse_qsl(at.query, keep_blank_values=True)]
        elif tag == "form":
            by_address = given.get("method", "get").lower() == "get"
            self.form = urllib.parse.urljoin(self.path, given.get("action") or "") if by_address else None
        elif tag in ("input", "select", "textarea") and given.get("name") and self.form is not None:
            self.found.append((urllib.parse.urlsplit(self.form).path, given["name"], given.get("value")))

    def handle_endtag(self, tag):
        self.form = None if tag == "form" else self.form


def of_api(served):
    """Addresses of the API, one for each parameter that its description tells."""
    asked = urllib.request.Request(
        f"{served['url']}/api/v1/openapi.json", headers={"Authorization": f"Bearer {served['token']}"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # nosec B310  # the loopback, as begun above
        document = json.load(answer)
    parts, found = document["components"]["parameters"], {}
    for path, methods in document["paths"].items():
        for each in methods.get("get", {}).get("parameters", ()):
            told = parts[each["$ref"].rsplit("/", 1)[1]] if "$ref" in each else each
            if told["in"] == "query":
                key = (re.sub(r"^/\w+(?=/{id}|$)", "/x", path), told["name"])
                found.setdefault(key, f"{served['url']}/api/v1{path.replace('{id}', '1')}?{told['name']}=1")
    return list(found.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
