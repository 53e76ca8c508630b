"""The processes of the crash drill: the real commands, each killed a while after its start and begun anew; and a clerk."""

import html
import http.client
import json
import multiprocessing
import os
import random
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from http.cookiejar import CookieJar
from pathlib import Path

from core.commands import main

ROOT = Path(__file__).parents[2]
PASSWORD = "vier-Pferde-im-Nebel"
START = multiprocessing.get_context("forkserver")  # modules are loaded once; each process is a fresh one all the same
START.set_forkserver_preload(["tests.house.drill", "core.app", "core.commands.serving", "core.commands.transfer"])


class Command:
    """A command of the program, run as people run it: `begin` starts it (anew), `kill` sends it SIGKILL and nobody else."""

    def __init__(self, house, *words):
        self.house, self.words, self.process, self.port = house, words, None, None

    @property
    def serves(self):
        return self.words[0] in ("run", "web")

    def begin(self):
        words = list(self.words)
        if self.serves:
            self.port = free_port()
            words += ["--port", str(self.port)]
        self.process = START.Process(target=_do, args=(words, self.house.environ, self.house.log))
        self.process.start()
        return self

    @property
    def tells(self):
        """Whether the latest line of the recorder is this process's, or its child's."""
        lines = self.house.lines()
        return bool(lines) and self.process.pid in lines[-1]["by"]

    def wait(self, seconds=120):
        """Its exit status, once it has ended."""
        self.process.join(seconds)
        return self.process.exitcode

    def kill(self):
        """Whether it was there to be killed."""
        was_there = self.process.is_alive()
        self.process.kill()
        self.process.join()
        return was_there

    def end(self):
        """End it as an administrator would."""
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(60)


def _do(words, environ, log):
    """What a process does: the command line, with its output in a file."""
    for name in [name for name in os.environ if name.startswith("ZHIXING")]:
        del os.environ[name]
    os.environ.update(environ)
    sys.path[:0] = environ["PYTHONPATH"].split(os.pathsep)
    place = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(place, 1)
    os.dup2(place, 2)
    sys.exit(main(words))


class House:
    """Where the commands of a drill run, and those that run all the time."""

    def __init__(self, settings, folder, *constant):
        self.log = folder / "output.txt"
        self.recorded = folder / "recorded.txt"
        self.environ = {
            "ZHIXING_HOME": str(settings.home),
            "ZHIXING_DATABASE": settings.database,
            "ZHIXING_JOB_LEASE_SECONDS": "2",
            "ZHIXING_SWEEP_SECONDS": "1",
            "RECORDED": str(self.recorded),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder / "site")]),
        }
        self.constant = [Command(self, *words) for words in constant]

    def run(self, *words):
        """Run a command to its end; its exit status."""
        return Command(self, *words).begin().wait()

    def port(self):
        """The port of a web process that answers by now."""
        while True:
            for command in random.sample(self.constant, len(self.constant)):
                if command.serves and command.process and answers(command.port):
                    return command.port
            time.sleep(0.05)

    def end(self):
        for command in self.constant:
            if command.process:
                command.end()

    def lines(self):
        """What the recorder has written down."""
        if not self.recorded.exists():
            return []
        return [json.loads(line) for line in self.recorded.read_text().splitlines()]

    def left_over(self):
        """The ids of processes of this house that still run: children of what was killed, too (where /proc tells)."""
        found = []
        for place in Path("/proc").glob("[0-9]*/fd/1"):
            with suppress(OSError):  # it has just ended, or is another's
                found += [int(place.parts[2])] if os.readlink(place) == str(self.log) else []
        return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).status == 200
    except OSError:
        return False


class Clerk(threading.Thread):
    """Registers one complaint after another, each kept as a draft first, until told to stop.

    Where the answer to a form does not come, the clerk opens the form again and does as people do: sends it once more
    if it is offered as a draft, and goes on if it is not.
    """

    def __init__(self, house, login):
        super().__init__(daemon=True)
        self.house, self.login, self.stopping = house, login, threading.Event()
        self.asks = None  # the port at which a form is being taken just now
        self.sent, self.unanswered, self.offered, self.failure = [], 0, 0, None
        self.browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar()), _Stay()
        )  # a redirect is an answer

    def run(self):
        try:
            self._sign_in()
            while not self.stopping.is_set():
                self._register(f"{self.login}-{len(self.sent)}")
        except Exception as failure:
            self.failure = failure

    def stop(self):
        self.stopping.set()
        self.join(60)
        return not self.is_alive()

    def _register(self, mark):
        form, whole = f"/records/complaint/new?mark={mark}", {"content": mark, "owner": self.login}
        self._insist(lambda: self._post("/drafts", {"_key": form, **whole}))
        self.sent.append(mark)
        while True:
            try:
                answer = self._post(form, whole)
                assert answer.status == 303, f"{answer.status} {answer.text[-2000:]}"
                return
            except OSError:
                self.unanswered += 1
            page = self._insist(lambda: self._open(form))
            if "draft=1" not in page.text:
                return
            self.offered += 1

    def _sign_in(self):
        answer = self._insist(self._try_to_sign_in)
        assert answer.status == 302, f"{answer.status} {answer.text[-2000:]}"

    def _try_to_sign_in(self):
        page = self._open("/sign-in")
        return self._send("/sign-in", {**fields_of(page.text), "login": self.login, "password": PASSWORD})

    def _post(self, path, data):
        page = self._insist(lambda: self._open("/records/complaint/new"))
        try:
            return self._send(path, {**data, "csrf_token": fields_of(page.text)["csrf_token"]})
        finally:
            self.asks = None

    def _insist(self, ask):
        while True:
            try:
                return ask()
            except OSError:  # the program was killed: a moment later it is there again
                time.sleep(0.05)

    def _open(self, path):
        return self._ask(path, None)

    def _send(self, path, data):
        return self._ask(path, urllib.parse.urlencode(data).encode())

    def _ask(self, path, data):
        port = self.house.port()
        self.asks = data and port
        address = f"http://127.0.0.1:{port}{path}"
        try:
            try:
                answer = self.browser.open(address, data, timeout=20)
            except urllib.error.HTTPError as other:  # any status but 200
                answer = other
            answer.text = answer.read().decode()
        except http.client.HTTPException as broken:
            raise ConnectionError("the answer broke off") from broken
        if answer.status >= 500:
            raise ConnectionError(f"an error page, with {answer.status}")
        return answer


def fields_of(page):
    """The hidden inputs of a page, by name: its token among them."""
    found = {}
    for tag in re.findall(r'<input[^>]*type="hidden"[^>]*>', page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            found[html.unescape(name[1])] = html.unescape(value[1]) if value else ""
    return found


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None
