"""Doing several things at the same moment, each in a thread with a connection of its own."""

import threading

from core.database import db, refresh


def together(calls):
    """Call all of `calls` at once; what each returned, or the exception that it raised, in order."""
    answers, start = [None] * len(calls), threading.Barrier(len(calls))

    def run(place, call):
        try:
            db.connect(reuse_if_open=True)
            refresh()
            start.wait(timeout=30)
            answers[place] = call()
        except Exception as error:
            answers[place] = error
        finally:
            db.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers
