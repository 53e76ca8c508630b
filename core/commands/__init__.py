"""The command line: `zhixing COMMAND ...`. Exit status 0 when done, 1 when refused, 2 when misused.

The module of a command is imported when the command is given, and only that: `zhixing due -` answers a thousand lines in
about a second because neither the web framework nor the plugins are loaded for it.
"""

import argparse
import importlib
import os
import sys

import peewee

from core.errors import Refused, StartError, ZhixingError
from core.failures import trace_of
from core.language import say, set_language
from core.settings import load

MODULES = {  # the commands that each module adds
    "setup": ("init", "upgrade"),
    "serving": ("run", "web", "worker"),
    "group": ("branch", "user", "token"),
    "plugin": ("plugin",),
    "due": ("due",),
    "calendar": ("calendar",),
    "transfer": ("import", "export"),
    "watch": ("check", "sweep"),
    "measure": ("measure", "clauses"),
    "channel": ("channel",),
    "audit": ("audit",),
    "backup": ("backup", "restore"),
    "doctor": ("doctor",),
    "key": ("key",),
}


def main(argv=None):
    """Do what the words of the command line say; returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    args = parser(argv[:1]).parse_args(argv)
    try:
        settings = load()
        set_language(settings.language)
        return args.run(args, settings) or 0
    except BrokenPipeError:  # who read our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 1
    except (ZhixingError, OSError, peewee.OperationalError) as error:
        for line in told(error):
            print(line, file=sys.stderr)
        return 1
    except Exception as error:  # a fault of the program; a driver's words may hold anybody's data
        print(say("程序出错,请将以下内容告知维护人员。", "The program failed. Tell who maintains it:"), file=sys.stderr)
        print(trace_of(error), file=sys.stderr)
        return 1


def parser(words=()):
    """The parser of the command that the first of `words` names, else of all commands."""
    top = argparse.ArgumentParser(
        prog="zhixing",
        description="Zhixing 制行: written regulations turned into plugins that branches switch on.",
        epilog="ZHIXING_HOME is the data folder (default: var/), ZHIXING_DATABASE the database "
        "(sqlite:///path or postgresql://...; default: a SQLite file in the data folder). "
        "Exit status: 0 done, 1 refused, 2 misused.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    wanted = [module for module, names in MODULES.items() if words and words[0] in names]
    for module in wanted or MODULES:
        importlib.import_module(f"core.commands.{module}").add_commands(commands)
    return top


def told(error):
    """An error as lines for people: every fault of it, and what to do."""
    if isinstance(error, Refused):
        return [str(fault) for fault in error.faults]
    if isinstance(error, StartError):
        return error.faults
    if isinstance(error, ZhixingError):
        return [error.message]
    if isinstance(error, peewee.OperationalError):
        return [
            say(
                "数据库出错,未做任何更改:{error}",
                "The database failed and nothing was changed: {error}",
                error=str(error).strip(),
            )
        ]
    return [say("未能完成:{error}", "Not done: {error}", error=error)]
