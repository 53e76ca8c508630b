"""The roles that the core ships; plugins add their permissions to them, or roles of their own."""

from core.access import Role
from core.language import Words

CORE_ROLES = (
    Role("staff", Words("员工", "Staff"), ("core.desk.view",)),
    Role(
        "department_head",
        Words("部门负责人", "Department head"),
        ("core.desk.view", "core.department.view"),
        capacity="department_head",
    ),
    Role(
        "management",
        Words("管理层", "Management"),
        ("core.desk.view", "core.department.view", "core.check.view", "core.check.waive", "core.showing.view"),
        capacity="management",
    ),
    Role(
        "system_admin",
        Words("系统管理员", "System administrator"),
        (
            "core.desk.view",
            "core.branch.edit",
            "core.person.view",
            "core.person.edit",
            "core.switch.view",
            "core.switch.edit",
            "core.policy.edit",
            "core.form.edit",
            "core.limit.edit",
            "core.calendar.edit",
            "core.job.view",
            "core.job.edit",
            "core.plugin.set_aside",
            "core.channel.edit",
            "core.check.view",
            "core.clause.view",
        ),
        may_grant=("staff", "department_head", "management"),
    ),
    Role(
        "security_admin",
        Words("安全管理员", "Security administrator"),
        (
            "core.desk.view",
            "core.person.view",
            "core.person.lock",
            "core.grant.edit",
            "core.session.edit",
            "core.key.edit",
        ),
        may_grant=("*",),
    ),
    Role(
        "privacy_officer",
        Words("个人信息保护负责人", "Privacy officer"),
        (
            "core.desk.view",
            "core.personal.find",
            "core.personal.erase",
            "core.seal.open",
            "*.*.view",
            "*.*.personal",
        ),
    ),
    Role(
        "audit_admin",
        Words("审计管理员", "Audit administrator"),
        ("core.desk.view", "core.audit.view", "*.*.view", "core.clause.view"),
    ),
)
