"""Cases: what customers bring to the group, first of all complaints. Regulations set limits and rules on them."""

from core import Manifest, hookimpl
from core.access import Role
from core.language import Words

from .models import Complaint

COMPLAINT = ("cases.complaint.view", "cases.complaint.personal")
WORK = COMPLAINT + ("cases.complaint.create", "cases.complaint.edit", "cases.complaint.comment")


@hookimpl
def plugin_manifest():
    return Manifest(
        title="业务案件",
        en="Cases",
        business=True,
        depends=("customers",),
        models=(Complaint,),
        roles=(
            Role("staff", Words("员工", "Staff"), WORK),
            Role(
                "department_head",
                Words("部门负责人", "Department head"),
                WORK + ("cases.complaint.export", "cases.complaint.import", "cases.archive.view"),
            ),
            Role(
                "management",
                Words("管理层", "Management"),
                ("cases.complaint.view", "cases.complaint.comment", "cases.complaint.export"),
            ),
        ),
    )
