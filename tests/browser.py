"""The browser that the browser tests drive: finding one and, where that is possible, installing one."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-wqy-microhei")  # Debian's names; without the fonts, Chinese is drawn as boxes
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage")  # to start it as root and in containers


def find_chromium() -> str | None:
    """The path of a browser on PATH that playwright can drive as chromium; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def install_chromium() -> None:
    """Install a browser with Debian's packages; does nothing where that cannot be done, says why if it fails."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    print("Installing", *PACKAGES, "...", flush=True)
    quiet = [apt, "-qq", "-o", "DPkg::Lock::Timeout=300"]
    for step in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*quiet, *step], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)


def main() -> int:
    """Exit status: 0 with a browser, or without one where a person runs the tests; 1 without one in CI."""
    if not find_chromium():
        install_chromium()
    if find_chromium():
        return 0
    print("No browser found, so the browser tests do not run. Install Chromium or Chrome to run them.", file=sys.stderr)
    return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
