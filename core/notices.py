"""What people are told in the program: one notice for a person and an occasion, never twice."""

import peewee

from core.access import heads_of, holders_of
from core.clocks import Clock
from core.database import Table
from core.faulty import head_office
from core.fields import JsonColumn, MomentColumn
from core.findings import Finding
from core.language import Words
from core.limits import shipped
from core.organisation import Department, organisation
from core.people import Person
from core.plugins import registry

COLOURS = {"yellow": ("黄色预警", "Yellow warning"), "red": ("红色预警", "Red warning")}


class Notice(Table):
    """One notice to one person. `occasion` makes it unique; `text` is {zh, en}; it leads to a record."""

    person = peewee.ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
    occasion = peewee.CharField(max_length=160)
    branch_id = peewee.BigIntegerField()
    text = JsonColumn()
    tone = peewee.CharField(max_length=8, default="")
    record = peewee.CharField(max_length=64, default="")
    record_id = peewee.BigIntegerField(null=True)
    recorded_at = MomentColumn()
    read_at = MomentColumn(null=True)

    class Meta:
        indexes = ((("person", "occasion"), True), (("person", "read_at"), False), (("recorded_at",), False))


def tell(people, now, *, occasion, branch_id, zh, en, tone="", record="", record_id=None):
    """Tell people something, once each for the occasion. Returns how many were told now."""
    told = 0
    for person in {person.id: person for person in people if person is not None and person.is_active}.values():
        told += (
            Notice.insert(
                person=person,
                occasion=occasion,
                branch_id=branch_id,
                text={"zh": zh, "en": en},
                tone=tone,
                record=record,
                record_id=record_id,
                recorded_at=now,
            )
            .on_conflict_ignore()
            .as_rowcount()
            .execute()
        )
    return told


def people_in(capacity, finding):
    """The people whom a capacity names for a finding: owner, department_head, management, involved_heads or a role."""
    if capacity == "owner":
        return [Person.get_or_none(Person.id == finding.owner_id)]
    if capacity == "department_head":
        heads = heads_of(finding.department_id) if finding.department_id else []
        others = [head for head in heads if head.id != finding.owner_id]
        return others or holders_of("management", finding.branch_id)  # where the head is the owner, the superior
    if capacity == "involved_heads":
        return [head for department_id in involved(finding) for head in heads_of(department_id)]
    return holders_of(capacity, finding.branch_id)


def involved(finding):
    """The departments other than its own that the record of a finding names."""
    model = registry().models.get(finding.record)
    record = model.get_or_none(model.id == finding.record_id) if model else None
    if record is None:
        return []
    named = {
        record.__data__.get(column.name)
        for column in model._meta.sorted_fields
        if getattr(column, "rel_model", None) is Department
    }
    return sorted(named - {None, finding.department_id})


def finding_opened(plugin, payload, actor):
    """Tell those whom the plugin's manifest names for the colour of a finding. Called from the outbox."""
    finding = Finding.get_by_id(payload["finding"])
    people = []
    for declared in registry().plugins[plugin].manifest.notices:
        gone = f"notice:{plugin}.{declared.name}" in registry().without
        if declared.colour == finding.colour and not gone:
            people += people_in(declared.to, finding)
    if people:
        _tell_of(finding, people, actor.now)


def _tell_of(finding, people, now):
    model = registry().models.get(finding.record)
    record = model.get_or_none(model.id == finding.record_id) if model else None
    clock = Clock.get_or_none(Clock.id == finding.clock_id)
    if record is None or clock is None:
        return
    limit = shipped().get(f"{clock.plugin}.{clock.limit}")
    branch = organisation().branches[finding.branch_id]
    zh, en = COLOURS[finding.colour]
    label, what = model._meta.label, limit.label if limit else clock.limit
    clauses = "、".join(clock.clauses)
    tell(
        people,
        now,
        occasion=f"finding:{finding.id}",
        branch_id=finding.branch_id,
        zh=f"{zh}:{branch.name} {getattr(label, 'zh', label)} {record.number},{getattr(what, 'zh', what)}({clauses})",
        en=f"{en}: {branch.name}, {getattr(label, 'en', label)} {record.number}, {getattr(what, 'en', what)} ({clauses})",
        tone=finding.colour,
        record=finding.record,
        record_id=finding.record_id,
    )


MOVED = {
    "failing": ("插件“{zh}”的规则出错,拒绝保存", "A rule of plugin {en} fails and refuses every save"),
    "set_aside": ("插件“{zh}”已搁置", "Plugin {en} is set aside"),
    "take_back": ("插件“{zh}”已恢复调用", "Plugin {en} is called again"),
}


def plugin_moved(actor, verb, plugin, words, row):
    """Tell the system administrators of head office that a plugin's rule fails, that it is set aside or taken back."""
    top = head_office()
    if top is None:
        return
    title = registry().plugins[plugin].title if plugin in registry().plugins else Words(plugin)
    zh, en = (sentence.format(zh=title.zh, en=title.en) for sentence in MOVED[verb])
    tell(
        holders_of("system_admin", top),
        actor.now,
        occasion=f"plugin:{plugin}:{verb}:{actor.now:%Y-%m-%dT%H:%M:%S.%f}",
        branch_id=top,
        zh=f"{zh}:{words.zh}",
        en=f"{en}: {words.en}",
        tone="" if verb == "take_back" else "red",
    )
