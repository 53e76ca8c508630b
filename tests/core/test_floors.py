"""The house stands floor on floor: a file imports only from what stands before it, the core never from a plugin."""

import ast
import importlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure
ROOT = Path(__file__).resolve().parents[2]
FLOORS = {
    "ground": ["language", "errors", "failures", "settings", "keys", "calendars", "spans", "counting", "working", "worktime",
               "send_one", "sending", "channel_kinds"],
    "storage": ["database", "sealing", "fields", "backup"],
    "people": ["seal", "chains", "audit", "organisation", "business_calendar", "passwords", "tries", "people",
               "second_factor", "access", "roles", "accounts", "drafts", "encryption"],
    "law": ["regulation"],
    "plugins": ["manifest", "hookspecs", "__init__", "plugins", "faulty", "switches"],
    "records": ["workflow", "conditions", "forms", "records", "schema"],
    "engines": [
        "jobs", "limits", "outbox", "findings", "clocks", "replay", "sweep", "measures", "closings", "checks",
        "own_checks", "daily_backup", "standing", "notices", "channels", "message_texts",
        "dispatches", "messages", "tellings", "reworking", "comments", "attachments",
        "personal", "handover",
        "calendar_preview", "transfer", "schedule", "worker", "start", "apart", "demo", "testing", "kit",
    ],
    "faces": ["screens", "api", "app", "commands"],
}  # fmt: skip
ORDER = [name for names in FLOORS.values() for name in names]


def imports(path, package=""):
    """What a file imports: [(module as a dotted name, line)]. `package` is the one that relative imports start from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: -(node.level - 1) or None] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def files(folder):
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts]


def unit(path):
    """The entry of ORDER that a file of the core belongs to: its own name, or its folder's."""
    return path.relative_to(ROOT / "core").with_suffix("").parts[0]


def test_every_file_of_the_core_has_its_floor():
    there = {unit(path) for path in files("core")}
    assert there - set(ORDER) == set(), "say in FLOORS on which floor it stands"
    assert set(ORDER) - there == set() and len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("path", files("core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_from_what_stands_before_it(path):
    mine, wrong = unit(path), []
    for module, line in imports(path, ".".join(path.relative_to(ROOT).parent.parts)):
        top, _, rest = module.partition(".")
        if top in ("plugins", "tests", "bench"):
            wrong.append(f"line {line}: {module}")
        if top == "core":
            named = rest.split(".")[0] if rest.split(".")[0] in ORDER else "__init__"
            if named != mine and ORDER.index(named) > ORDER.index(mine):
                wrong.append(f"line {line}: {module} stands above")
    assert wrong == []


@pytest.mark.parametrize("path", files("plugins"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_only_the_core_and_what_it_depends_on(path):
    parts = path.relative_to(ROOT).parts
    name = parts[1] if len(parts) > 2 else ""
    allowed, waiting = {name}, [name] if name else []
    while waiting:
        for needed in importlib.import_module(f"plugins.{waiting.pop()}").plugin_manifest().depends:
            if needed not in allowed:
                allowed.add(needed)
                waiting.append(needed)
    package = ".".join(parts[:-1])
    named = {module.split(".")[1] for module, _ in imports(path, package) if module.startswith("plugins.")}
    assert named - allowed == set()
    assert not [module for module, _ in imports(path, package) if module.split(".")[0] in ("tests", "bench")]


def test_no_two_files_of_a_folder_import_each_other_in_a_circle():
    for folder in ("core/records", "core/transfer", "core/screens", "core/api", "core/commands"):
        needs = {}
        for path in files(folder):
            if path.name == "__init__.py":
                continue
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            needs[module] = {name for name, _ in imports(path, module.rpartition(".")[0])}
        reach = {
            module: {m for m in needs if any(n == m or n.startswith(f"{m}.") for n in needs[module])}
            for module in needs
        }
        for _ in reach:
            reach = {m: found | {n for f in found for n in reach[f]} for m, found in reach.items()}
        assert [module for module, found in reach.items() if module in found] == []


def test_imports_stand_at_the_top():
    hidden = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files("core") + files("plugins")
        for outer in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(outer)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert hidden == []
