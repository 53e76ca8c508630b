"""docs/commands.md says what the commands say of themselves."""

from pathlib import Path

import pytest

from core.commands import MODULES, parser
from core.commands.reference import leaves, markdown

pytestmark = pytest.mark.pure
PAGE = Path(__file__).parents[3] / "docs" / "commands.md"


def test_the_page_is_what_the_commands_say():
    told = "docs/commands.md is out of date: python -m core.commands.reference > docs/commands.md"
    assert PAGE.read_text(encoding="utf-8") == markdown(), told


def test_every_command_and_option_has_its_help():
    for command in leaves(parser()):
        assert command.description, command.prog
        assert [action.dest for action in command._actions if not action.help] == [], command.prog


def test_each_module_adds_the_commands_that_it_is_listed_with():
    for names in MODULES.values():
        for name in names:
            assert name in {leaf.prog.split()[1] for leaf in leaves(parser([name]))}
