"""`zhixing doctor`: whether an installation is whole, and with --try whether the program runs on this machine at all."""

import base64
import hashlib
import os
import tempfile
from datetime import UTC, datetime, timedelta
from importlib import metadata

from core import audit, daily_backup
from core.commands.console import JSON, add, print_rows
from core.commands.opening import open_product
from core.commands.trial import trial
from core.errors import StartError, ZhixingError
from core.language import say

LATE = timedelta(days=2)  # a daily backup older than this is missing


def add_commands(commands):
    parser = add(commands, "doctor", doctor, "say whether this installation is whole; changes nothing", JSON)
    parser.add_argument(
        "--try",
        dest="trial",
        action="store_true",
        help="try the program out in a temporary place instead: prove every plugin, serve and read its pages",
    )


def doctor(args, settings):
    """Print {check, holds, told} for everything looked at; `holds` is None for what there is nothing to say of."""
    rows = [_files(), *(trial() if args.trial else _installation(settings))]
    print_rows(args, rows)
    return 1 if any(row["holds"] is False for row in rows) else 0


def _row(check, holds, told):
    return {"check": check, "holds": holds, "told": told}


def _files():
    """Whether every file of the program is as it was shipped, by the digests in its package."""
    shipped = metadata.distribution("zhixing").files or []
    hashed = [file for file in shipped if file.hash and file.parts[0] != ".."]
    if not any(file.name == "doctor.py" for file in hashed):
        return _row("program", None, say("从源码运行", "runs from source"))
    changed = [str(file) for file in hashed if _digest(file.locate()) != file.hash.value]
    if changed:
        told = say("与发行不同:{files}", "differs from what was shipped: {files}", files=", ".join(changed[:5]))
        return _row("program", False, told)
    return _row("program", True, say("{n} 个文件与发行一致", "{n} files are as shipped", n=len(hashed)))


def _digest(path):
    try:
        return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
    except OSError:
        return None


def _installation(settings):
    yield _folder(settings)
    try:
        registry = open_product(settings)
    except (ZhixingError, StartError) as error:
        yield _row("database", False, "; ".join(map(str, getattr(error, "faults", None) or [error])))
        return
    told = say("{n} 个插件,结构最新", "{n} plugins, schema up to date", n=len(registry.plugins))
    yield _row("database", True, told)
    faults = audit.verify()
    told = "; ".join(f"{branch_id}/{seq}: {fault}" for branch_id, seq, fault in faults)
    yield _row("trail", not faults, told or say("完整无缺", "whole"))
    yield _backup(settings)


def _folder(settings):
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home) as file:
            file.write(b"x" * 1024)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        told = say("写不进 {home}:{error}", "cannot write to {home}: {error}", home=settings.home, error=error.strerror)
        return _row("folder", False, told)
    return _row("folder", True, str(settings.home))


def _backup(settings):
    if not settings.backup_daily:
        return _row("backup", None, say("未启用每日备份", "daily backups are switched off"))
    made = daily_backup.kept(settings)
    if not made:
        return _row("backup", None, say("尚无备份", "none was made yet"))
    newest = made[-1]
    age = datetime.now(UTC) - datetime.fromtimestamp(newest.stat().st_mtime, UTC)
    return _row("backup", age < LATE, newest.name)
