"""Finding and joining plugins: a wrong one stops the start, and every fault of every plugin is told at once."""

import sys
from importlib.metadata import EntryPoint

import pytest

import plugins as shipped
from core import limits, plugins
from core.errors import StartError
from core.roles import CORE_ROLES

pytestmark = pytest.mark.pure
MANIFEST = """
from core import Answer, Extension, Manifest, Requirement, Rule, hookimpl
from core.fields import Moment, Text
from core.records import Record, State, Transition, Workflow
{before}

@hookimpl
def plugin_manifest():
    return Manifest(title="试验", {parts})
"""
MODEL = """
class Trial(Record):
    begun_at = Moment("开始", null=True)
    {fields}
    class Meta:
        table_name = "{table}"
        label = "试验"
        workflow = Workflow(State("open", "进行中", initial=True), {steps})
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """write(name, text, **files): a plugin in a folder of its own that stands beside the shipped ones."""
    monkeypatch.setattr(shipped, "__path__", [*shipped.__path__, str(tmp_path)])
    kept = plugins.registry()

    def write(name, text=None, before="", parts="", **files):
        folder = tmp_path / name
        folder.mkdir()
        text = MANIFEST.format(before=before, parts=parts) if text is None else text
        (folder / "__init__.py").write_text(text, encoding="utf-8")
        for file, content in files.items():
            (folder / f"{file}.toml").write_bytes(content if isinstance(content, bytes) else content.encode())

    yield write
    for name in [name for name in sys.modules if name.startswith("plugins.trial")]:
        del sys.modules[name]
    plugins._registry = kept


def model(fields="", steps="", table="trial"):
    return MODEL.format(fields=fields, steps=steps, table=table)


def faults():
    with pytest.raises(StartError) as error:
        plugins.load(roles=CORE_ROLES, judges=[limits.faults])
    return error.value.faults


WRONG = [
    pytest.param({"text": "value = 1\n"}, "plugins/trial: has no plugin_manifest()", id="no manifest"),
    pytest.param({"text": "import nowhere\n"}, "plugins.trial: cannot be imported: ModuleNotFoundError", id="an import that fails"),
    pytest.param({"text": "def plugin_manifest():\n    raise RuntimeError('broken')\n"}, "plugin_manifest() raised RuntimeError: broken", id="a manifest that raises"),
    pytest.param({"text": "def plugin_manifest():\n    return {'title': 'x'}\n"}, "returned {'title': 'x'}, not a core.Manifest", id="a manifest of a wrong type"),
    pytest.param({"parts": "depends='cases'"}, "Manifest.depends = 'cases' is not a tuple. Write depends=(..., ).", id="a text for a tuple"),
    pytest.param({"parts": "models=(dict,)"}, "Manifest.models holds <class 'dict'>, not a class derived from", id="a model that is none"),
    pytest.param({"parts": "answers=('red',)"}, "Manifest.answers holds 'red', not a Answer", id="an answer that is none"),
    pytest.param({"parts": "depends=('nowhere',)"}, "plugins/trial: depends on 'nowhere', which there is not. Found: cases", id="an unknown dependency"),
    pytest.param({"before": "\n@hookimpl\ndef record_change(record):\n    pass\n"}, "there is no hook 'record_change'. Hooks: plugin_manifest, validate_record", id="a misspelt hook"),
    pytest.param({"before": "\n@hookimpl\ndef record_changed(row):\n    pass\n"}, "core/hookspecs.py shows each hook's arguments", id="a hook with other arguments"),
    pytest.param({"before": model("number = Text('号')"), "parts": "models=(Trial,)"}, "record trial: the name 'number' is reserved", id="a reserved field name"),
    pytest.param({"before": model(steps="Transition('go', 'open', 'gone', by='owner')"), "parts": "models=(Trial,)"}, "transition go names the state 'gone', which there is not. States: open.", id="an unknown state"),
    pytest.param({"before": model(steps="Transition('go', 'open', None, by='owner', requires='why', counts='times')"), "parts": "models=(Trial,)"}, ["transition go names the field 'why', which there is not", "transition go names the field 'times'"], id="unknown fields of a step"),
    pytest.param({"before": model(table="complaint"), "parts": "depends=('cases',), models=(Trial,)"}, "record 'complaint' is declared by plugins/cases already", id="a record that is there already"),
    pytest.param({"parts": "extensions=(Extension('complaints'),)"}, "extends 'complaints', which no plugin that it depends on has", id="an extension of nothing"),
    pytest.param({"parts": "depends=('cases',), extensions=(Extension('complaint', requires=(Requirement('acept', ('why',), 'X1'),)),)"}, ["a requirement waits for 'acept'", "a requirement names the field 'why'"], id="a requirement on an unknown step and field"),
    pytest.param({"parts": "depends=('cases',), extensions=(Extension('complaint', states=(State('lost', '丢失'),)),)"}, "state lost does not say as which base state it reads", id="an added state without its base"),
    pytest.param({"parts": "depends=('cases',), rules={'complaint': ()}"}, "rules for 'complaint', which it does not have", id="rules for another's record"),
    pytest.param({"parts": "follows=('trial',)"}, "follows 'trial', which no plugin", id="following nothing"),
    pytest.param({"limits": "[[limit]\nname="}, "plugins/trial/limits.toml: cannot be read", id="TOML that is none"),
    pytest.param({"limits": b"# \xb2\xe2\xca\xd4\n"}, "plugins/trial/limits.toml: cannot be read: 'utf-8' codec", id="TOML in another encoding"),
    pytest.param({"limits": "[[limit]]\nclause = 'X1'\n"}, "[[limit]] number 1 has no name", id="a limit without a name"),
    pytest.param({"regulation": "[regulation]\nid = 'x'\n"}, "plugins/trial/regulation.toml: has no 'clause'", id="a regulation without clauses"),
]  # fmt: skip


@pytest.mark.parametrize("plugin, told", WRONG)
def test_what_is_wrong_is_told_with_what_to_do(write, plugin, told):
    write("trial", **plugin)
    found = faults()
    for sentence in [told] if isinstance(told, str) else told:
        assert [fault for fault in found if sentence in fault], found
    assert len(found) == (1 if isinstance(told, str) else len(told)), found


LIMIT = """
[[limit]]
name = "first"
clause = "X1"
label = { zh = "一", en = "one" }
record = "complaint"
start = "happened_at"
stop = "first_contact_at"
limit = "1 business day"
"""


@pytest.mark.parametrize(
    "wrong, right, told",
    [
        ("first_contact_at", "first_contact", "limit 'first': record complaint has no field 'first_contact'"),
        ("1 business day", "1 busy day", "limit 'first': The limit \"1 busy day\" cannot be read"),
        ("1 business day", "promised", "limit 'first': record complaint has no field 'promised_at'"),
        ("first_contact_at", "content", "limit 'first': complaint.content is neither a moment nor a day"),
        ('stop = "first_contact_at"\n', "", "limit 'first': has no 'stop'"),
        ("limit = ", 'yellow = "80%"\nlimit = ', "yellow = '80%' is not a percentage"),
        ("limit = ", 'when = "klass is simple"\nlimit = ', "record complaint has no field 'klass'"),
        ("[[limit]]", LIMIT + "[[limit]]", "two limits are called 'first'"),
    ],
)
def test_what_is_wrong_with_a_limit_is_told(write, wrong, right, told):
    write("trial", parts="depends=('cases',)", limits=LIMIT.replace(wrong, right, 1))
    assert any(told in fault for fault in faults()), faults()


def test_every_fault_of_every_plugin_is_told_at_once(write):
    write("trial_a", parts="depends=('trial_b',)")
    write("trial_b", parts="depends=('trial_a',)")
    write("trial_c", text="")
    write(
        "trial_d", before=model("state = Text('态')"), parts="models=(Trial,)", limits=LIMIT.replace('"first', '"', 1)
    )
    write("trial_e", parts="depends=('cases',)", limits=LIMIT.replace("first_contact_at", "nothing"))
    told = "\n".join(faults())
    for sentence in (
        "plugins trial_a, trial_b depend on each other in a circle",
        "plugins/trial_c: has no plugin_manifest()",
        "the name 'state' is reserved",
        "has no field 'nothing'",
    ):
        assert sentence in told


def test_a_wrong_plugin_leaves_what_is_loaded_as_it_was(write):
    before = plugins.registry()
    write("trial", text="")
    assert faults() and plugins.registry() is before


def test_two_plugins_with_one_name_are_told(write, monkeypatch):
    write("trial")
    points = [
        EntryPoint("trial", "elsewhere.trial", "zhixing.plugins"),
        EntryPoint("other", "nowhere", "zhixing.plugins"),
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    found = faults()
    assert (
        "trial: two plugins have this name: plugins.trial and elsewhere.trial. Rename one, or remove its package."
        in found
    )
    assert any("nowhere: cannot be imported" in fault for fault in found)


def test_a_plugin_of_an_installed_package_is_found(write, monkeypatch):
    write("trial")
    monkeypatch.setattr(shipped, "__path__", [path for path in shipped.__path__ if "pytest" not in path])
    monkeypatch.setitem(sys.modules, "installed_trial", _module(write))
    monkeypatch.setattr(plugins, "entry_points", lambda group: [EntryPoint("installed", "installed_trial", group)])
    assert "installed" in plugins.load(roles=CORE_ROLES).plugins


def _module(write):
    from types import ModuleType

    from core import Manifest

    module = ModuleType("installed_trial")
    module.__file__ = __file__
    module.plugin_manifest = lambda: Manifest(title="外来")
    return module


def test_dependencies_come_first(write):
    write("trial_a", parts="depends=('trial_z', 'timeliness')")
    write("trial_z")
    order = list(plugins.load(roles=CORE_ROLES).plugins)
    for before, after in (
        ("customers", "cases"),
        ("cases", "timeliness"),
        ("timeliness", "trial_a"),
        ("trial_z", "trial_a"),
    ):
        assert order.index(before) < order.index(after)


def test_a_plugin_can_be_left_out_in_an_emergency(write):
    write("trial", text="")
    assert "trial" not in plugins.load(off=["trial"], roles=CORE_ROLES).plugins


def test_a_role_that_there_is_gets_more_permissions(write):
    roles = plugins.load(roles=CORE_ROLES).roles
    assert roles["staff"].allows("core.desk.view") and roles["staff"].allows("cases.complaint.create")
    assert not roles["management"].allows("cases.complaint.create")
    assert roles["department_head"].capacity == "department_head"


@pytest.mark.parametrize(
    "enforcer",
    ["limit:timeliness.complaint_contact", "rule:rectification_report.has_a_measure", "transition:warning.mark_seen"],
)
def test_an_enforcer_taken_away_is_named_no_longer(write, enforcer):
    whole = {what for _, what in plugins.load(roles=CORE_ROLES).enforcers()}
    assert whole - {what for _, what in plugins.load(roles=CORE_ROLES, without=[enforcer]).enforcers()} == {enforcer}
