"""`zhixing backup` and `restore`: the whole group in one file, and back into an empty place."""

from datetime import UTC, datetime
from pathlib import Path

from core import audit, backup, database, encryption, plugins
from core.commands.console import add, connect
from core.errors import Refused
from core.language import say
from core.organisation import set_default_zone
from core.roles import CORE_ROLES
from core.start import folders


def add_commands(commands):
    parser = add(
        commands, "backup", save, "write the database and all uploaded files into one file, while people work on"
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a new file; keep it safe: it holds everything but the keys"
    )
    parser = add(
        commands,
        "restore",
        restore,
        "restore a backup into an empty place, on SQLite or PostgreSQL",
        epilog="The key of the installation (secret.key in the data folder) is not in a backup: everybody signs in again; "
        "nor are the keys of personal data.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that zhixing backup has made")
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="KEYS",
        help="the file personal.keys that was kept apart, where it is not in its place yet",
    )


def save(args, settings):
    connect(settings)  # whatever version its schema has: a backup comes before an upgrade
    manifest = backup.save(args.file, settings, datetime.now(UTC))
    print(_told(say("已备份", "Saved"), manifest))
    print(
        say(
            "备份不含个人信息的密钥 {path},请另行保管一份:没有它,备份里的电话和证件号码无法读出。",
            "The keys of personal data, {path}, are not in it. Keep a copy apart: without it nothing sealed can be read.",
            path=settings.keys,
        )
    )


def restore(args, settings):
    registry = plugins.load(off=settings.plugins_off, roles=CORE_ROLES)
    manifest = backup.restore(args.file, settings, folders(registry), args.keys)
    database.connect(settings.database_url)
    encryption.open_keys(settings)
    set_default_zone(settings.timezone)
    print(_told(say("已恢复", "Restored"), manifest))
    waiting = database.pending(folders(registry))
    if waiting:
        print(say("备份的结构较旧,请运行 zhixing upgrade。", "The backup's schema is older. Run: zhixing upgrade"))
        return
    faults = audit.verify()
    if faults:
        raise Refused(*(f"audit {branch_id}/{seq}: {fault}" for branch_id, seq, fault in faults))
    print(say("审计链完整。", "The sealed trail holds."))


def _told(what, manifest):
    rows = sum(manifest["tables"].values())
    tables = say("{n} 张表,{rows} 行", "{n} tables, {rows} rows", n=len(manifest["tables"]), rows=rows)
    files = say("{n} 个文件", "{n} files", n=manifest["files"])
    return f"{what}: {tables}, {files} ({manifest['made_at']})"
