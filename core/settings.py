"""Every setting of an installation, once: its name, its default and what it is for.

Read from `config/zhixing.toml` beside the program, over it `zhixing.toml` in the data folder, over both the environment
(`ZHIXING_HOME`, `ZHIXING_DATABASE`, and `ZHIXING_<NAME>` for any other). An unknown name stops the start.
"""

import os
import secrets
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

from core.errors import StartError

YELLOW_PERCENT = 80  # where a yellow warning begins, as a share of the limit: ours, not from a regulation
CHOICES = {"password_policy": ("mlps", "asvs")}  # settings that take one of a few words
SHIPPED = Path(__file__).resolve().parent.parent / "config" / "zhixing.toml"


@dataclass(frozen=True)
class Settings:
    """The settings in force. Paths are absolute; durations carry their unit in the name."""

    home: Path = Path("var")  # the data folder: database, files, key
    database: str = ""  # sqlite:///path or postgresql://...; empty is a SQLite file in the data folder
    language: str = "zh"  # the language of pages until a person chooses: zh or en
    timezone: str = "Asia/Shanghai"  # the zone of a branch that has none of its own
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""  # how people reach the program, for links; empty is http://host:port
    behind_tls: bool = False  # cookies for https only
    session_hours: int = 12  # a session ends this long after signing in
    session_idle_minutes: int = 120  # or this long after the last request
    sign_in_tries: int = 5  # failed tries before a login waits
    sign_in_wait_minutes: int = 15
    totp_roles: list = field(  # whoever holds one of these roles signs in with a one-time code too
        default_factory=lambda: ["system_admin", "security_admin", "audit_admin"]
    )
    password_policy: str = "mlps"  # what a password must be: mlps (MLPS 2.0, level 3) or asvs (OWASP ASVS)
    link_hours: int = 72  # how long a one-time sign-in link is good
    upload_megabytes: int = 20  # the largest file that is taken
    sweep_seconds: int = 10  # how often the worker looks for what has become due
    job_lease_seconds: int = 60  # a worker that says nothing for so long has lost its job
    hook_seconds: int = 30  # one call of a plugin's code in the background is ended after so long
    hook_failures: int = 5  # a plugin that fails so often in a row is set aside
    backup_daily: bool = True  # a backup a day into the folder backups of the data folder
    keep_backups: int = 7  # so many daily backups stay, the newest; 0 keeps every one
    keep_job_days: int = 30  # runs that went well are forgotten after so many days
    show_minutes: int = 15  # personal data that was shown for a purpose stays so for this long, in the same session
    back_dating_business_days: int = 1  # a stamp recorded later than this needs the head
    personal_keys: str = (
        ""  # the file of the keys that personal data is encrypted with; empty: personal.keys in the data folder
    )
    message_digest_from: int = 3  # where more notices wait for a person or room, one digest is sent
    message_gather_minutes: int = 10  # so long after a message what comes in is gathered for the next
    message_red_at_once: bool = False  # red warnings are sent outside working hours too
    message_seconds: int = 20  # a message that is not sent by then is given up and tried again later
    message_failures: int = 5  # after so many failures in a row a channel is set aside
    plugins_off: list = field(default_factory=list)  # plugins not loaded at all, by name: for emergencies

    @property
    def database_url(self):
        """The database in use: the one that was set, else a SQLite file in the data folder."""
        return self.database or f"sqlite:///{self.home / 'zhixing.db'}"

    @property
    def files(self):
        """The folder that uploaded files are kept in."""
        return self.home / "files"

    @property
    def audit_heads(self):
        """The folder that the heads of the audit chains are written to daily."""
        return self.home / "audit-heads"

    @property
    def backups(self):
        """The folder that the daily backups are written to."""
        return self.home / "backups"

    @property
    def keys(self):
        """The file of the keys that personal data is encrypted with."""
        return Path(self.personal_keys).absolute() if self.personal_keys else self.home / "personal.keys"

    @property
    def url(self):
        """How people reach the program, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def secret(self):
        """The key that signs cookies and links: made once per data folder, readable by its owner only."""
        path = self.home / "secret.key"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            try:
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(secrets.token_hex(32))
            except FileExistsError:
                pass
        return path.read_text().strip()


def load(environ=os.environ, shipped=SHIPPED):
    """The settings in force. Raises StartError with every fault of every file at once."""
    home = Path(environ.get("ZHIXING_HOME", "var")).absolute()
    known = {item.name: item for item in fields(Settings)}
    values, faults = {"home": home}, []
    for path in (shipped, home / "zhixing.toml"):
        for name, value in _read(path, faults).items():
            if name not in known or name == "home":
                faults.append(f"{path}: unknown setting {name!r}. Known: {', '.join(sorted(set(known) - {'home'}))}.")
            elif not _fits(value, known[name].type):
                faults.append(f"{path}: {name} = {value!r} is not {_example(known[name])}.")
            else:
                values[name] = value
    for name, item in known.items():
        text = environ.get(f"ZHIXING_{name.upper()}")
        if text is not None and name != "home":
            try:
                values[name] = _from_text(text, item.type)
            except ValueError:
                faults.append(f"ZHIXING_{name.upper()}={text!r} is not {_example(item)}.")
    for name, words in CHOICES.items():
        if values.get(name, words[0]) not in words:
            faults.append(f"{name} = {values[name]!r} is not one of: {', '.join(words)}.")
    if faults:
        raise StartError(faults)
    return Settings(**values)


def _read(path, faults):
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: not readable as TOML: {error}.")
        return {}


def _fits(value, wanted):
    return type(value) is wanted


def _from_text(text, wanted):
    if wanted is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ValueError(text)
        return text.lower() in ("true", "1")
    if wanted is list:
        return [part for part in text.split(",") if part]
    return wanted(text)


def _example(item):
    kinds = {int: "a whole number", bool: "true or false", str: "a text", list: "a list of texts"}
    default = item.default if item.type is not list else item.default_factory()
    shown = str(default).lower() if item.type is bool else default
    return (
        f"{kinds[item.type]}. Write, for example, {item.name} = {shown!r}"
        if item.type is str
        else (f"{kinds[item.type]}. Write, for example, {item.name} = {shown}")
    )
