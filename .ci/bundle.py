"""`make bundle`: an archive that installs where there is no network. It holds every package at the locked version, with hashes.

Made for machines like this one (system, processor, Python). It is tried out in the end: installed from the archive, where the
system can do so without any network, and asked `zhixing doctor --try`.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq")
NETLESS = ("unshare", "--net", "--map-root-user")  # a namespace with no network but a loopback that is down


def main(into=ROOT / "dist"):
    """Write the archive and try it; returns its path."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        name = f"{'-'.join(wheel.name.split('-')[:2])}-{platform.system().lower()}-{platform.machine()}-py{sys.version_info.major}.{sys.version_info.minor}"
        whole = Path(folder) / name
        packages = whole / "packages"
        packages.mkdir(parents=True)
        shutil.move(wheel, packages)
        fetch(packages)
        (whole / "requirements.txt").write_text(locked(packages), encoding="utf-8")
        for file in ("config/bundle/install", "config/bundle/README.md", "CHANGELOG.md"):
            shutil.copy(ROOT / file, whole)
        shutil.copytree(ROOT / "docs", whole / "docs")
        (whole / "SHA256SUMS").write_text(sums(whole), encoding="utf-8")
        into.mkdir(exist_ok=True)
        archive = into / f"{name}.tar.gz"
        with tarfile.open(archive, "w:gz") as file:
            file.add(whole, name)
    print(f"{archive}: {archive.stat().st_size / 2**20:.1f} MB", flush=True)
    return archive


def build(folder):
    """Our own wheel, from the files that git does not ignore."""
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    subprocess.run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source], check=True)
    return next(folder.glob("zhixing-*.whl"))


def fetch(packages):
    """Download what the program needs to run, at the versions of the lock; a file that the lock does not know is refused."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    constraints = packages.parent / "constraints.txt"
    constraints.write_text("\n".join(re.findall(r"^[\w.-]+==[\w.+!-]+", lock, re.M)), encoding="utf-8")
    wheel = next(packages.glob("zhixing-*.whl"))
    subprocess.run([*PIP, "download", "--only-binary", ":all:", "-d", packages, "-c", constraints, wheel], check=True)
    constraints.unlink()
    known = set(re.findall(r"sha256:([0-9a-f]{64})", lock))
    unknown = [path.name for path in packages.iterdir() if path != wheel and digest(path) not in known]
    if unknown:
        sys.exit(f"requirements.lock has no hash of: {', '.join(unknown)}. Run make lock.")


def locked(packages):
    """The files of a folder as requirements with hashes."""
    lines = []
    for path in sorted(packages.glob("*.whl")):
        name, version = path.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{digest(path)}")
    return "\n".join(lines) + "\n"


def sums(whole):
    """What sha256sum -c reads: every file with its digest."""
    return "".join(
        f"{digest(path)}  {path.relative_to(whole)}\n" for path in sorted(whole.rglob("*")) if path.is_file()
    )


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def has_no_network():
    """Whether this system can run a command where there is no network."""
    return bool(shutil.which("unshare")) and not subprocess.run([*NETLESS, "true"], capture_output=True).returncode


def try_out(archive):
    """Install from the archive in an empty place, without a network where the system can do that, and let it check itself."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")
        place = next(Path(folder).iterdir())
        netless = has_no_network()
        script = f'{"ip link set lo up 2>/dev/null || true; " if netless else ""}exec ./install "$0"'
        told = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        told |= {"PYTHON": sys.executable, "PIP_CONFIG_FILE": os.devnull}
        command = [*(NETLESS if netless else ()), "sh", "-c", script, str(Path(folder) / "installed")]
        print("trying it " + ("without any network" if netless else "with pip kept from the network"), flush=True)
        return subprocess.run(command, cwd=place, env=told).returncode


if __name__ == "__main__":
    sys.exit(try_out(main()))
