"""Work in processes of their own, for tests of what happens when several work at once or one is killed."""

import multiprocessing

from core import database

START = multiprocessing.get_context("fork") if "fork" in multiprocessing.get_all_start_methods() else None


def begin(settings, work, *arguments):
    """Start `work(settings, *arguments)` in a process with a connection of its own. Returns the process."""
    database.db.close()  # what is open must not be shared
    process = START.Process(target=_work, args=(settings, work, arguments))
    process.start()
    return process


def _work(settings, work, arguments):
    database.connect(settings.database_url)
    database.refresh()
    work(settings, *arguments)
    database.db.close()


def together(settings, work, count=2):
    """Do the same work in several processes at once, and see that each came to its end."""
    running = [begin(settings, work, number) for number in range(count)]
    for process in running:
        process.join(60)
        assert process.exitcode == 0
