"""Beginning a plugin: a small running one is written from the texts in core/kit/plugin/, with its migration and its test."""

import importlib.util
import keyword
import re
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template

from core import schema
from core.errors import Fault, Refused
from core.language import say
from core.plugins import include, load, registry
from core.roles import CORE_ROLES

TEXTS = Path(__file__).parent / "plugin"
FILES = {
    "__init__.txt": "__init__.py",
    "models.txt": "models.py",
    "checks.txt": "checks.py",
    "examples.txt": "examples.py",
    "regulation.txt": "regulation.toml",
    "limits.txt": "limits.toml",
}
LONGEST = 32  # so that no line that names it becomes too long


def begin(name, into, title=""):
    """Write a small running plugin into the folder `into`; returns the files. Raises Refused."""
    into = Path(into).resolve()
    folder, test = into / name, into.parent / "tests" / "plugins" / f"test_{name}.py"
    include(into)
    load(roles=CORE_ROLES)
    words = _words(name, title)
    faults = [*_name_faults(name, words["record"]), *_there_faults(folder, test), *_title_faults(title)]
    if faults:
        raise Refused(*faults)
    try:
        folder.mkdir(parents=True)
        for text, file in FILES.items():
            _write(text, folder / file, words)
        _format(schema.begin(name, "initial"))
        test.parent.mkdir(parents=True, exist_ok=True)
        _write("test.txt", test, words)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        test.unlink(missing_ok=True)
        raise
    return sorted([*(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"), test])


def _format(migration):
    """Put a generated file into the form that our lint wants, where ruff is installed."""
    if importlib.util.find_spec("ruff"):
        command = [sys.executable, "-m", "ruff", "format", "--quiet", "--no-cache", "--line-length", "120"]
        subprocess.run([*command, str(migration)], check=True)


def _write(text, path, words):
    path.write_text(Template((TEXTS / text).read_text(encoding="utf-8")).substitute(words), encoding="utf-8")


def _words(name, title):
    record = singular(name)
    english = name.replace("_", " ").capitalize()
    model = "".join(part.capitalize() for part in record.split("_"))
    return {
        "name": name,
        "record": record,
        "model": model,
        "english": english,
        "title": title or f"{english}制度",
        "prefix": _prefix(name),
    }


def singular(name):
    """The record's name for a plugin's: data_breaches holds a data_breach."""
    for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("sses", "ss")):
        if name.endswith(ending):
            return name.removesuffix(ending) + instead
    return name if name.endswith(("ss", "us", "is")) else name.removesuffix("s")


def _prefix(name):
    """Letters before the numbers of its clauses that no other regulation's clauses begin with."""
    taken = {
        re.match("[A-Z]*", clause)[0]
        for plugin in registry().plugins.values()
        if plugin.regulation
        for clause in plugin.regulation.clauses
    }
    initials = "".join(part[:1] for part in name.split("_")).upper()
    letters = name.replace("_", "").upper()
    return next((p for p in (initials, *(letters[:n] for n in range(2, len(letters)))) if p not in taken), letters)


def _name_faults(name, record):
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > LONGEST or keyword.iskeyword(name):
        told = say(
            "“{name}”不能作插件名:用小写字母、数字和单个下划线,字母开头,最长 {most} 个字符,例如 data_breaches",
            '"{name}" cannot name a plugin: lower-case letters, digits and single underscores, a letter first, at most '
            "{most} characters, as in data_breaches",
            name=name,
            most=LONGEST,
        )
        yield Fault("name", told)
        return
    tables = {model._meta.table_name for model in schema.core_models()} | set(registry().models)
    if name in registry().plugins or name == "core" or name in sys.stdlib_module_names:
        yield Fault("name", say("“{name}”已被占用", '"{name}" is taken already', name=name))
    elif record in tables or keyword.iskeyword(record):
        told = say(
            "记录名“{record}”已被占用,请换一个插件名",
            'the record "{record}" is there already: choose another name',
            record=record,
        )
        yield Fault("name", told)


def _there_faults(folder, test):
    for path in (folder, test):
        if path.exists():
            yield Fault("name", say("{path} 已存在", "{path} is there already", path=path))


def _title_faults(title):
    if title and (not re.search("[\u4e00-\u9fff]", title) or re.search(r'["\\$\n]', title) or len(title) > 40):
        told = say(
            "标题应为中文,不含引号和反斜杠,最长 40 字",
            "a title in Chinese, without quotes or backslashes, at most 40 characters",
        )
        yield Fault("title", told)
