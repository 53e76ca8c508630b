"""Code of plugins in a process of its own, which is ended at the deadline of a call; its failure is noted, and it begins anew.

The process has a database connection of its own. It ends when the worker that it works for is no longer there.
"""

import faulthandler
import logging
import multiprocessing
import os
import re
import signal
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic

import peewee

from core import database, faulty, outbox, schedule, worker
from core.database import is_trouble, refresh
from core.failures import cause_of, trace_of
from core.jobs import LeaseLost
from core.language import set_language
from core.plugins import folders_of_plugins, include, registry
from core.start import start

log = logging.getLogger("zhixing.apart")
CONTEXT = multiprocessing.get_context("spawn")
BEGINS_WITHIN = 120  # seconds in which the process must have brought the product up
GRACE = 2  # seconds after its deadline in which the process may say itself where it stood
STOPS_WITHIN = 20  # seconds that the work at hand may take when the worker is to stop


class Ended(Exception):
    """The process ended, or was ended, in the middle of a call of a plugin's code."""


class Away(Exception):
    """The process ended, but not in a plugin's code, or it could not be begun: to be tried again."""


class Apart:
    """Looks after the process: what is to be done is handed to it, and how it goes is watched. For one thread."""

    def __init__(self, settings):
        self.settings = settings
        self.is_stopping = lambda: False  # set by the worker
        self._process = self._talk = self._life = self._told = None
        self._call = self._message = None  # (plugin, what) and (id, tries) at hand
        self._until = None

    def deliver(self, now, limit):
        """As outbox.deliver."""
        try:
            return self._ask(("deliver", now, limit))
        except Ended as ended:
            if self._message:
                outbox.lost(*self._message, ended, now)
            self._blame(ended, now)
            return 1

    def perform(self, job, run, now):
        """As worker.perform."""
        try:
            self._ask(("perform", job.name, run, now))
        except Ended as ended:
            worker.failed(job, run, ended, now)
            self._blame(ended, now)
        except Away:
            with suppress(LeaseLost):
                run.leave()
            raise

    def end(self):
        """End the process after the work at hand, or soon."""
        if self._process is None:
            return
        self._talk.close()
        self._process.join(GRACE)
        self._clear()

    # ---- the talk --------------------------------------------------------------------------------------------------------

    def _ask(self, order):
        """What the process answers to an order. Raises Ended where it ended in a plugin's code, Away where elsewhere."""
        if self._process is None:
            self._begin()
        self._call = self._message = self._until = None
        try:
            self._talk.send(order)
            return self._answer()
        except (EOFError, OSError) as error:
            raise self._fate() from error

    def _answer(self):
        while True:
            self._wait()
            kind, *rest = self._talk.recv()
            if kind == "call":
                self._call = rest[0]
                self._until = monotonic() + self.settings.hook_seconds + GRACE if rest[0] else None
            elif kind == "message":
                self._message = rest[0]
            elif kind == "trouble":
                raise peewee.InterfaceError(rest[0])  # trouble with the database, as here
            elif kind == "failed":
                raise Away(rest[0])
            else:
                return rest[0]

    def _wait(self):
        """Wait until the process says something, or its deadline is over: then it is ended."""
        stops_at = None
        while not self._talk.poll(0.2):
            if self.is_stopping():
                stops_at = stops_at or monotonic() + STOPS_WITHIN
            if (self._until and monotonic() > self._until) or (stops_at and monotonic() > stops_at):
                self._process.kill()
                self._process.join()
                raise EOFError

    def _begin(self):
        mine, theirs = CONTEXT.Pipe()
        handle, self._told = tempfile.mkstemp(prefix="zhixing-plugins-")
        os.close(handle)
        their_life, self._life = CONTEXT.Pipe(duplex=False)
        folders = folders_of_plugins()
        arguments = (self.settings, registry().without, folders, theirs, their_life, self._told)
        self._process, self._talk = CONTEXT.Process(target=_live, args=arguments, name="zhixing-plugins"), mine
        self._process.start()
        theirs.close()
        their_life.close()
        self._call = self._message = None
        self._until = monotonic() + BEGINS_WITHIN
        try:
            self._answer()
        except (EOFError, OSError) as error:
            raise self._fate() from error

    def _fate(self):
        """Why the process is no more, as an error; it will begin anew."""
        self._process.join(GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        status, stood = self._process.exitcode, Path(self._told).read_text(encoding="utf-8", errors="replace")
        hung = bool(stood) or (self._until is not None and monotonic() > self._until)
        self._clear()
        if self._call is None or self.is_stopping():
            return Away(f"the process for plugins ended (exit status {status})")
        seconds = self.settings.hook_seconds
        said = f"did not end within {seconds} seconds" if hung else f"ended the process (exit status {status})"
        return Ended(f"{self._call[1]} {said}{_place(self._call[0], stood)}")

    def _clear(self):
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self._talk.close()
        self._life.close()
        Path(self._told).unlink(missing_ok=True)
        self._process = self._talk = self._life = None

    def _blame(self, ended, now):
        plugin, what = self._call
        log.error("plugin %s: %s", plugin, ended)
        faulty.failed(plugin, what, str(ended).removeprefix(f"{what} "), now)


def _place(plugin, stood):
    """Where in a plugin's files the process stood at its deadline, from the stack that it left."""
    folder = registry().plugins[plugin].folder if plugin in registry().plugins else None
    for file, line, name in re.findall(r'File "(.+)", line (\d+) in (\S+)', stood):
        if folder and Path(file).is_relative_to(folder):
            return f" ({plugin}/{Path(file).relative_to(folder)}:{line}, {name})"
    return ""


# ---- in the process ------------------------------------------------------------------------------------------------------


def _live(settings, without, folders, talk, life, told):
    """Do what is ordered until nobody is there to order."""
    for number in (signal.SIGINT, signal.SIGTERM):  # both come to the whole group; the worker says when to end
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(life,), daemon=True).start()
    for folder in folders:
        include(folder)
    start(settings, without=without, upgrade=False)
    set_language(settings.language)
    jobs = {job.name: job for job in schedule.all_jobs(settings)}
    with open(told, "w", encoding="utf-8") as file:
        faulty.watchers.append(lambda plugin, what: _watched(talk, file, settings.hook_seconds, plugin, what))
        talk.send(("done", None))
        try:
            while True:
                talk.send(_done(talk.recv(), jobs, talk))
        except (EOFError, OSError):
            database.db.close()


def _end_with(life):
    """End at once when the worker is no longer there, whatever is at hand."""
    try:
        life.recv()
    except (EOFError, OSError):
        os._exit(1)


def _watched(talk, file, seconds, plugin, what):
    """Tell the worker that code of a plugin begins or has ended; a watch that needs no Python ends what hangs."""
    if plugin:
        faulthandler.dump_traceback_later(seconds, exit=True, file=file)
    else:
        faulthandler.cancel_dump_traceback_later()
    talk.send(("call", (plugin, what) if plugin else None))


def _done(order, jobs, talk):
    try:
        refresh()
        kind, *rest = order
        if kind == "deliver":
            return "done", outbox.deliver(*rest, begin=lambda each: talk.send(("message", (each.id, each.tries))))
        name, run, now = rest
        return "done", worker.perform(jobs[name], run, now)
    except Exception as error:
        if is_trouble(error):
            database.db.close()
            return "trouble", cause_of(error)
        log.error("what was ordered failed\n%s", trace_of(error))
        return "failed", cause_of(error)
