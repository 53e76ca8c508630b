"""`make bench`: every measurement, and the table in docs/performance.md written by the run. Options: --quick."""

import os
import platform
import sys
from datetime import date
from importlib import import_module
from pathlib import Path

PARTS = ("calendar", "sweep", "lists", "django_admin", "imports")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def main(arguments):
    """Measure what is named (all by default) and write the page when all was measured at full size."""
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
    if not quick and set(names) == set(PARTS):
        PAGE.write_text(page(told), encoding="utf-8")
        print(f"written: {PAGE.relative_to(Path.cwd())}")


def page(told):
    """The page of figures, in Markdown."""
    lines = [
        "# Performance",
        "",
        f"Written by `make bench` on {date.today()}: Python {platform.python_version()}, {os.cpu_count()} cores. Machines are noisy:",
        "read the ratios, which were taken in one run with the yardstick beside them.",
    ]
    for doc, rows in told.values():
        names = list(rows[0])
        lines += ["", f"## {doc}", "", f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
        lines += [f"| {' | '.join(_text(row[name]) for name in names)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _text(value):
    return f"{value:,.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
