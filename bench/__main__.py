"""`make bench`: every measurement, and the tables in docs/performance.md written by the run. Options: names, --quick."""

import os
import platform
import re
import sys
from datetime import date
from importlib import import_module
from pathlib import Path

PARTS = ("calendar", "sweep", "lists", "django_admin", "imports")
HEAD = """# Performance

Written by `make bench`, each section when it was measured. Machines are noisy: read the ratios, which were taken in one run with
the yardstick beside them.
"""
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def main(arguments):
    """Measure what is named (all by default); what was measured at full size is written into the page."""
    quick = "--quick" in arguments
    names = [name for name in arguments if not name.startswith("--")] or PARTS
    told = {}
    for name in names:
        print(f"== {name}", flush=True)
        module = import_module(f"bench.{name}")
        sizes = (
            {"sizes": (20_000, 100_000) if name == "sweep" else (10_000,)}
            if quick and name in ("sweep", "lists", "django_admin")
            else {}
        )
        told[name] = (module.__doc__.strip().splitlines()[0], module.main(**sizes))
    if not quick:
        PAGE.write_text(page(told, _kept()), encoding="utf-8")
        print(f"written: {PAGE.relative_to(Path.cwd())}")


def _kept():
    """The sections of the page as it is: {title: text}."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:] if PAGE.exists() else ()
    return {part.splitlines()[0]: f"## {part.rstrip()}\n" for part in parts}


def page(told, kept):
    """The page of figures, in Markdown: what was measured now, and of the rest what stands there from before."""
    found = dict(kept)
    for doc, rows in told.values():
        names = list(rows[0])
        lines = [f"## {doc}", "", f"{date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores", ""]
        lines += [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
        lines += [f"| {' | '.join(_text(row[name]) for name in names)} |" for row in rows]
        found[doc] = "\n".join(lines) + "\n"
    titles = [import_module(f"bench.{name}").__doc__.strip().splitlines()[0] for name in PARTS]
    return "\n".join([HEAD, *(found[title] for title in titles if title in found)])


def _text(value):
    return f"{value:,.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
