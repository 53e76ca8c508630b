"""docs/commands.md, written from the commands themselves: python -m core.commands.reference > docs/commands.md"""

import argparse

from core.commands import parser

HEAD = """# The command line

Written from the program by `python -m core.commands.reference > docs/commands.md`; a test keeps it true.

{description}

{epilog}

A command says what it did on standard output and why it refused, every fault at once, on standard error.
With `--json` it prints JSON, one object a line. With `--as LOGIN` it acts as that person and may do what they may; without,
it acts for the program, and the trail names `console:` and the user of the system.
"""

COMMON = ("login_as", "json")  # told at the head of the page


def markdown():
    """The whole page."""
    top = parser()
    parts = [HEAD.format(description=top.description, epilog=top.epilog)]
    parts += [_section(command) for command in leaves(top)]
    return "\n".join(parts)


def leaves(command):
    """The parsers of the commands that do something, in order."""
    groups = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        return [command]
    return [leaf for group in groups for child in group.choices.values() for leaf in leaves(child)]


def _section(command):
    actions = [action for action in command._actions if action.dest != "help"]
    actions.sort(key=lambda action: (bool(action.option_strings), not action.required, action.dest in COMMON))
    usage = " ".join([command.prog, *map(_usage, actions)])
    told = [(_name(action).replace("|", r"\|"), action.help) for action in actions if action.dest not in COMMON]
    told = [f"| `{name}` | {text} |" for name, text in told]
    table = ["", "| | |", "|---|---|", *told] if told else []
    lines = [f"## {command.prog}", "", _sentence(command.description), "", f"    {usage}", *table]
    if command.epilog:
        lines += ["", _sentence(command.epilog)]
    return "\n".join(lines) + "\n"


def _sentence(text):
    text = text[0].upper() + text[1:].replace("<", "&lt;")
    return text if text.endswith(".") else f"{text}."


def _name(action):
    values = _values(action)
    return " ".join(part for part in (", ".join(action.option_strings), values) if part)


def _values(action):
    if action.nargs == 0:
        return ""
    metavar = action.metavar or ("|".join(action.choices) if action.choices else action.dest.upper())
    names = " ".join(metavar) if isinstance(metavar, tuple) else metavar
    return f"{names} ..." if action.nargs in ("+", "*") else names


def _usage(action):
    needed = action.required and action.nargs not in ("?", "*")
    return _name(action) if needed else f"[{_name(action)}]"


if __name__ == "__main__":
    print(markdown(), end="")
