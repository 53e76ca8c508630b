"""Questions that an administrator adds to a record type, for the group or one branch, in versions that are never changed."""

from dataclasses import dataclass, field
from functools import cached_property

import peewee

from core import fields
from core.audit import keep
from core.conditions import Condition
from core.database import Cache, Kept, changed, transaction
from core.errors import Fault, Refused
from core.fields import JsonColumn, MomentColumn
from core.language import Words, say
from core.organisation import Branch, organisation
from core.plugins import registry
from core.sealing import Sealed

KINDS = {
    "text": (fields.Text, Words("单行文本", "Text")),
    "longtext": (fields.LongText, Words("多行文本", "Long text")),
    "integer": (fields.Integer, Words("整数", "Whole number")),
    "money": (fields.Money, Words("金额", "Amount")),
    "yesno": (fields.YesNo, Words("是/否", "Yes or no")),
    "day": (fields.Day, Words("日期", "Day")),
    "choice": (fields.Choice, Words("单选", "Choice")),
    "phone": (fields.Phone, Words("电话", "Phone")),
    "identity_number": (fields.IdentityNumber, Words("证件号码", "Identity number")),
}
PREFIX = "x_"  # before the key of a question, wherever it stands among a record's own fields
PURPOSE = "附加问题的填写 / answers to added questions"  # for what the answers that are sealed are kept


class FormVersion(Kept):
    """All the questions that one level (a branch, or None for the group) adds to a record type, in one edition."""

    record = peewee.CharField(max_length=64)
    branch = peewee.ForeignKeyField(Branch, null=True, backref="+", on_delete="RESTRICT")
    edition = peewee.IntegerField()
    questions = JsonColumn()
    made_at = MomentColumn()

    class Meta:
        indexes = ((("record", "branch", "edition"), True),)


@dataclass(frozen=True)
class Question:
    """One added question. `shown_if` is a condition on the record, as in "class is complex"; "" is always."""

    key: str
    kind: str
    label: Words
    required: bool = False
    shown_if: str = ""
    default: str = ""
    choices: tuple = ()  # (word, Words, retired)
    retired: bool = False
    column: object = field(default=None, compare=False)
    preset: object = None  # the default as an answer is stored

    @property
    def name(self):
        """Its name among the record's fields, in the API, imports and exports."""
        return PREFIX + self.key

    def is_closed_to(self, stored):
        """Whether this answer cannot be given any more: the question, or the choice, is retired."""
        return self.retired or stored in {word for word, _, retired in self.choices if retired}

    def is_asked_of(self, values):
        """Whether it is shown for a record with these values (a mapping by field name)."""
        return not self.retired and (not self.shown_if or Condition.parse(self.shown_if).holds(values))


def question(data):
    """A Question from its stored dict: key, kind, label {zh, en}, required, shown_if, default, choices, retired."""
    kind = KINDS[data["kind"]][0]
    label = Words(data["label"]["zh"], data["label"].get("en"), name=data["key"])
    choices = tuple(
        (c["word"], Words(c["zh"], c.get("en"), name=c["word"]), c.get("retired", False))
        for c in data.get("choices", ())
    )
    column = (
        kind(label, {word: words for word, words, _ in choices}, null=True)
        if data["kind"] == "choice"
        else kind(label, null=True)
    )
    column.name, column.label = PREFIX + data["key"], label
    column.personal = PURPOSE if issubclass(kind, Sealed) else None
    return Question(
        data["key"], data["kind"], label, data.get("required", False), data.get("shown_if", ""), data.get("default", ""),
        choices, data.get("retired", False), column, column.as_json(column.parse(data.get("default", ""))),
    )  # fmt: skip


@dataclass(frozen=True)
class Form:
    """The questions that bind a record type in a branch at one version (0: none yet)."""

    version: int
    questions: tuple

    def __getitem__(self, name):
        return self.by_name[name]

    @cached_property
    def by_name(self):
        """The questions by their name among the record's fields."""
        return {question.name: question for question in self.questions}


class _Forms:
    def __init__(self):
        self.rows = list(FormVersion.select().order_by(FormVersion.id))
        self.built, self.sealed_of = {}, {}

    def of(self, record, branch_id, version):
        key = (record, branch_id, version)
        if key not in self.built:
            path = (None, *(organisation().path(branch_id) if branch_id else ()))
            rows = [r for r in self.rows if r.record == record and (version is None or r.id <= version)]
            latest = {row.branch_id: row for row in rows if row.branch_id in path}
            questions = [question(data) for level in path if level in latest for data in latest[level].questions]
            self.built[key] = Form(max((row.id for row in latest.values()), default=0), tuple(questions))
        return self.built[key]

    def sealed(self, record):
        """{key: kind of seal} of the questions whose answers are sealed; a published question never changes its kind."""
        if record not in self.sealed_of:
            asked = [data for row in self.rows if row.record == record for data in row.questions]
            kinds = {data["key"]: KINDS[data["kind"]][0] for data in asked}
            self.sealed_of[record] = {key: k.seal_kind for key, k in kinds.items() if issubclass(k, Sealed)}
        return self.sealed_of[record]

    def everywhere(self, record):
        latest = {row.branch_id: row for row in self.rows if row.record == record}
        return [question(data) for row in latest.values() for data in row.questions]


_forms = Cache("forms", _Forms)


def form_of(record, branch_id, version=None):
    """The Form of a record type in a branch, now or as it was at a version that a record carries."""
    return _forms.get().of(record, branch_id, version)


def sealed_kinds(record):
    """{key: kind of seal} of the added questions of a record type whose answers are sealed in the database."""
    return _forms.get().sealed(record)


def questions_of(record):
    """Every question that any level asks of a record type today, for lists and exports over branches."""
    return {q.name: q for q in _forms.get().everywhere(record)}


def own_questions(record, branch):
    """The stored questions of one level itself, as dicts, for its designer."""
    rows = [r for r in _forms.get().rows if r.record == record and r.branch_id == (branch.id if branch else None)]
    return rows[-1].questions if rows else []


def publish(actor, record, branch, questions):
    """Make a new edition of one level's questions (dicts as in `question`). Questions and choices are retired, never dropped."""
    actor.require("core.form.edit", branch.id if branch else organisation().root_id)
    judge(record, branch, questions)
    before = {old["key"]: old for old in own_questions(record, branch)}
    kept = {data["key"] for data in questions}
    questions = [
        *(_with_old_choices(data, before.get(data["key"])) for data in questions),
        *({**old, "retired": True} for key, old in before.items() if key not in kept),
    ]
    with transaction():
        rows = [r for r in _forms.get().rows if r.record == record and r.branch_id == (branch.id if branch else None)]
        values = {
            "record": record,
            "branch": branch,
            "edition": len(rows) + 1,
            "questions": questions,
            "made_at": actor.now,
        }
        version = keep(actor, FormVersion, values, branch_id=branch.id if branch else None, verb="publish")
        changed("forms")
    return version


def _with_old_choices(data, before):
    """The question with the choices that the edition before had and this one drops, retired."""
    words = {choice["word"] for choice in data.get("choices", ())}
    dropped = [choice for choice in (before or {}).get("choices", ()) if choice["word"] not in words]
    return {**data, "choices": [*data.get("choices", ()), *({**choice, "retired": True} for choice in dropped)]}


def judge(record, branch, questions):
    """Raise Refused with every fault of an edition, as fields "questions.N.key", before it is published."""
    mine, faults, keys = branch.id if branch else None, [], set()
    taken = {
        data["key"]
        for row in _forms.get().rows
        if row.record == record and row.branch_id != mine
        for data in row.questions
    }
    before = {old["key"]: old for old in own_questions(record, branch)}
    known = {*registry().models[record].by_api_name(), *(PREFIX + key for key in taken)}
    known |= {PREFIX + data.get("key", "") for data in questions}
    for place, data in enumerate(questions, 1):
        found = _key_faults(data.get("key", ""), taken | keys) + _kind_faults(data, before.get(data.get("key")))
        found += _condition_faults(data.get("shown_if", ""), known)
        if not (data.get("label") or {}).get("zh"):
            found.append(Fault("label", say("请填写问题文字", "the question needs a text"), "required"))
        keys.add(data.get("key", ""))
        faults += [Fault(f"questions.{place}.{fault.field}", fault.message, fault.code) for fault in found]
    if faults:
        raise Refused(*faults)


def _key_faults(key, taken):
    if not key.isidentifier() or not key.isascii() or key != key.lower() or len(key) > 40:
        told = say("代号由小写字母、数字和 _ 组成,以字母开头", "a key has small letters, digits and _")
        return [Fault("key", told)]
    if key in taken:
        return [Fault("key", say("代号“{key}”已被使用", 'the key "{key}" is taken', key=key), "duplicate")]
    return []


def _kind_faults(data, before):
    """What is wrong with the kind, the choices and the default value."""
    if data.get("kind") not in KINDS:
        return [Fault("kind", say("没有这种题型", "no such kind of question"), "choice")]
    if before and before["kind"] != data["kind"]:
        told = say("已发布问题的题型不能改,请另加一题", "the kind of a published question stays; add another")
        return [Fault("kind", told)]
    if data["kind"] == "choice":
        words = [choice.get("word", "") for choice in data.get("choices", ())]
        if not [choice for choice in data.get("choices", ()) if not choice.get("retired")]:
            told = say("单选题至少要有一个选项", "a choice needs at least one option")
            return [Fault("choices", told, "required")]
        if not all(words) or len(words) != len(set(words)) or max(map(len, words)) > 64:
            told = say(
                "每个选项要有不同的代号,最多 64 个字", "each option has a word of its own, at most 64 characters"
            )
            return [Fault("choices", told)]
    try:
        if data.get("default"):
            made = question({**data, "label": {"zh": "-"}})
            if made.is_closed_to(made.preset) and not made.retired:
                return [Fault("default", say("此选项已停用", "this choice is retired"), "choice")]
    except ValueError as error:
        return [Fault("default", str(error))]
    return []


def _condition_faults(text, known):
    try:
        unknown = [name for name in Condition.parse(text).fields if name not in known]
    except Refused as refused:
        return [Fault("shown_if", fault.message) for fault in refused.faults]
    if not unknown:
        return []
    told = say("没有字段“{names}”", "there is no field {names}", names="、".join(unknown))
    return [Fault("shown_if", told)]
