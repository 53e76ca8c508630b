"""Promises about who sees what of a plugin's records."""

from core import records
from core.kit.promises import NOW, PLACES, holder, promise, stranger
from core.plugins import registry
from core.records.visibility import permission, visible_to
from core.testing import PEOPLE, actor, branch


@promise("对无关人员关闭", fills=True)
def closed_to_strangers(subject):
    """Closed to strangers."""
    login = stranger().login
    for model in subject.models:
        seen = visible_to(actor(login, NOW), model).count()
        if seen or actor(login, NOW).may(permission(model, "view"), branch("TJ").id):
            yield f"somebody without a role sees {seen} records {model._meta.record}."


@promise("看不到其他机构的记录", fills=True)
def blind_to_other_branches(subject):
    """Blind to other branches."""
    for model in subject.models:
        seeing = set()
        for login, _, code, _, roles in PEOPLE:
            if code in PLACES and roles:
                seen = {row.branch_id for row in visible_to(actor(login, NOW), model)}
                seeing |= {code} if seen else set()
                if seen - {branch(code).id}:
                    yield f"{', '.join(roles)} of one branch sees records {model._meta.record} of another."
        if seeing != set(PLACES):
            yield f"nobody of a branch sees its own records {model._meta.record}. Give a role {permission(model, 'view')!r}."


@promise("角色只在所授机构有效", fills=True)
def a_role_reaches_only_its_branch(subject):
    """A role held in a branch reaches only that branch."""
    for role in {each.name for each in subject.manifest.roles} & set(registry().roles):
        person = actor(holder(role).login, NOW)
        for model in subject.models:
            if person.may(permission(model, "view"), branch("BJ").id):
                yield f"role {role} held in one branch reaches records {model._meta.record} of another."


@promise("总公司有权者看到全部", fills=True)
def seen_by_who_may_at_head_office(subject):
    """All of it is seen by the auditor at head office."""
    for model in subject.models:
        seen, there = visible_to(actor("auditor", NOW), model).count(), model.select().count()
        if seen != there:
            yield f"the auditor sees {seen} of {there} records {model._meta.record}."


@promise("个人信息对无权者打码", fills=True)
def personal_data_is_masked(subject):
    """Personal data is masked for who may not see it."""
    for model in subject.models:
        row = model.get(model.branch == branch("TJ").id)
        personal = [column for column in model.by_api_name().values() if column.personal]
        for login, _, code, _, _ in PEOPLE:
            by = actor(login, NOW)
            if code != "TJ" or by.may(permission(model, "personal"), row.branch_id):
                continue
            shown = records.as_json(row, by)
            for column in personal:
                value = getattr(row, column.name)
                if value and shown[column.api_name] == value:
                    yield f"{model.__name__}.{column.name} is shown to {login}, who may not see personal data."


ALL = (
    closed_to_strangers,
    blind_to_other_branches,
    a_role_reaches_only_its_branch,
    seen_by_who_may_at_head_office,
    personal_data_is_masked,
)
