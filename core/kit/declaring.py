"""Promises about what a plugin declares: its texts, clauses, permissions, workflow and personal data."""

from core.fields import Described
from core.kit.promises import promise
from core.language import Words
from core.plugins import registry

HIDDEN = ("stamps", "extra", "gaps")  # columns that nobody is shown
SEALED = ("phone", "mobile", "telephone", "identity", "id_number", "id_card", "passport", "contact_means")
PERSONAL = ("phone", "email", "wechat", "identity", "address", "postcode", "birth", "contact_means")
RELATIONS = ("owner", "submitter", "system")  # capacities that follow from the record, not from a role or a department
FUNCTIONS = ("sales", "customer_service", "claims", "underwriting", "back_office", "finance", "management")


@promise("说明齐全")
def manifest_is_complete(subject):
    """The manifest is complete: sentences, and what each thing is for."""
    if not (subject.plugin.module.__doc__ or "").strip():
        yield "__init__.py has no docstring. Say in its first line what the plugin is for."
    for model in subject.models:
        if "__doc__" not in vars(model) or not (model.__doc__ or "").strip():
            yield f"{model.__name__} has no docstring. Say in a sentence what one record is."
    if not str(subject.manifest.version).strip():
        yield "Manifest.version is empty."


def _texts(subject):
    yield "Manifest.title", subject.plugin.title
    for model in subject.models:
        where, workflow = model.__name__, model._meta.workflow
        yield where, model._meta.label
        for column in model._meta.sorted_fields:
            if isinstance(column, Described) and column.name not in HIDDEN and "__" not in column.name:
                yield f"{where}.{column.name}", column.label
                yield from ((f"{where}.{column.name} {word}", told) for word, told in _options(column))
        yield from ((f"{where} {state.name}", state.label) for state in workflow.states.values())
        yield from ((f"{where} {step.event}", step.label) for step in workflow.transitions.values())
    for extension in subject.manifest.extensions:
        for name, column in _added(subject, extension):
            yield f"{extension.record}.{name}", column.label
            yield from ((f"{extension.record}.{name} {word}", told) for word, told in _options(column))
        for part in (*extension.states, *extension.transitions):
            yield f"{extension.record} {getattr(part, 'name', None) or part.event}", part.label
    for kind in ("roles", "checks", "measures"):
        yield from ((f"{kind[:-1]} {each.name}", each.label) for each in getattr(subject.manifest, kind))
    for limit in subject.plugin.limits:
        yield f"limits.toml: limit {limit['name']}", Words(limit["label"]["zh"], limit["label"]["en"])
    if subject.plugin.regulation:
        for clause in subject.plugin.regulation.clauses.values():
            yield f"regulation.toml: title of {clause.id}", clause.title
            yield f"regulation.toml: demand of {clause.id}", clause.demand


def _added(subject, extension):
    """The columns that an extension adds, as they stand in the model: [(name, column)]."""
    there = registry().models[extension.record]._meta.fields
    return [(name, there[f"{subject.name}__{name}"]) for name in extension.fields]


def _options(column):
    return getattr(column, "options", {}).items()


@promise("中英文齐全")
def texts_are_in_both_languages(subject):
    """What people read is in Chinese and in English."""
    for where, words in _texts(subject):
        if not isinstance(words, Words):
            yield f"{where}: {words!r} is in one language. Write core.language.Words(中文, English)."
            continue
        if not any("\u4e00" <= character <= "\u9fff" for character in words.zh):
            yield f"{where}: {words.zh!r} is not Chinese."
        if not words.en.strip() or any("\u4e00" <= character <= "\u9fff" for character in words.en):
            yield f"{where}: the English text is missing. Write core.language.Words({words.zh!r}, English)."


@promise("个人信息写明用途")
def personal_data_is_declared(subject):
    """Personal data is declared with its purpose."""
    columns = [(model.__name__, column.name, column) for model in subject.models for column in model.own_fields()]
    for extension in subject.manifest.extensions:
        columns += [(extension.record, name, column) for name, column in _added(subject, extension)]
    for where, name, column in columns:
        personal = getattr(column, "personal", None)
        if any(part in name for part in PERSONAL) and not personal:
            yield f'{where}.{name} looks like personal data. Say for what it is kept: personal="用途 / purpose".'
        elif personal and len(personal) < 4:
            yield f"{where}.{name}: personal={personal!r} says no purpose."


@promise("电话和证件号码加密存储")
def phones_and_identity_numbers_are_sealed(subject):
    """Phones and identity numbers are sealed in the database."""
    columns = [(model.__name__, column.name, column) for model in subject.models for column in model.own_fields()]
    for extension in subject.manifest.extensions:
        columns += [(extension.record, name, column) for name, column in _added(subject, extension)]
    for where, name, column in columns:
        if (
            any(part in name for part in SEALED)
            and column.kind in ("text", "longtext", "phone")
            and not column.encrypted
        ):
            told = "Declare it as Phone, IdentityNumber or SealedText, and seal what is there by a migration (docs/encryption.md)."
            yield f"{where}.{name} looks like a phone or an identity number, and is plain in the database. {told}"


@promise("权限只涉及本插件")
def permissions_are_of_what_it_has(subject):
    """Roles are given permissions of this plugin only."""
    there = {model._meta.record for model in subject.models} | {"archive", "measure"}
    for role in subject.manifest.roles:
        for allowed in role.permissions:
            plugin, _, rest = allowed.partition(".")
            record, _, verb = rest.partition(".")
            if plugin != subject.name or record not in there or not verb.isidentifier():
                yield f"role {role.name} is given {allowed!r}. Write {subject.name}.RECORD.VERB; RECORD: {', '.join(sorted(there))}."


@promise("每一步都有人可做")
def somebody_may_do_each_step(subject):
    """Somebody may do each step."""
    known = {role.capacity for role in registry().roles.values() if role.capacity} | {*RELATIONS, *FUNCTIONS}
    for model in subject.models:
        for step in model._meta.workflow.transitions.values():
            for capacity in set(step.by) - known or ([] if step.by else [""]):
                yield f"{model.__name__}.{step.event}: nobody is {capacity!r}. by= is one of: {', '.join(sorted(known))}."


@promise("每个状态都能到达")
def every_state_is_reached(subject):
    """Every state is reached."""
    for model in subject.models:
        workflow, reached = model._meta.workflow, {model._meta.workflow.initial}
        for _ in workflow.states:
            reached |= {step.target for state in reached for step in workflow.after(state) if step.target}
        for state in workflow.states:
            if state not in reached:
                yield f"{model.__name__}: no step leads to the state {state}."


@promise("每条条款都有落实,或列明未落实")
def clauses_are_covered_or_declared_uncovered(subject):
    """Every clause is enforced by something or declared uncovered."""
    regulation, enforced = subject.plugin.regulation, {clause for clause, _ in registry().enforcers()}
    if regulation is None:
        return
    for clause in regulation.clauses:
        if clause not in enforced and clause not in regulation.uncovered:
            yield f"clause {clause}: nothing names it. Enforce it, or list it in regulation.toml: uncovered = [...]."
    for clause in regulation.uncovered:
        if clause in enforced or clause not in regulation.clauses:
            yield f"clause {clause} is listed as uncovered, but it is enforced or there is none. Take it off the list."


@promise("所引条款都存在")
def what_enforces_names_a_clause_that_exists(subject):
    """Limits, measures, notices and answers name a clause; what names one names one that exists."""
    known = {clause for each in registry().plugins.values() if each.regulation for clause in each.regulation.clauses}
    for kind in ("measures", "notices", "answers") if known else ():
        for item in getattr(subject.manifest, kind):
            if not item.clauses:
                yield f"{kind[:-1]} {item.name} names no clause."
    for limit in subject.plugin.limits:
        if not limit.get("clause"):
            yield f"limits.toml: limit {limit['name']} names no clause."
    for clause, what in registry().enforcers_of(subject.name):
        if clause not in known:
            yield f"{what} names the clause {clause}, which no regulation.toml has."


@promise("时限所指字段都存在")
def limits_are_of_fields_that_exist(subject):
    """Limits are of fields that exist."""
    for limit in subject.plugin.limits:
        model = registry().models.get(limit["record"])
        if model is None:
            yield f"limits.toml: limit {limit['name']} is of the record {limit['record']!r}, which there is not."


ALL = (
    manifest_is_complete,
    texts_are_in_both_languages,
    personal_data_is_declared,
    phones_and_identity_numbers_are_sealed,
    permissions_are_of_what_it_has,
    somebody_may_do_each_step,
    every_state_is_reached,
    clauses_are_covered_or_declared_uncovered,
    what_enforces_names_a_clause_that_exists,
    limits_are_of_fields_that_exist,
)
