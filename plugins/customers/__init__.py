"""Customers: who the group serves. Regulations that speak of customers stand on this."""

from core import Manifest, hookimpl
from core.access import Role
from core.language import Words

from .models import Customer

CUSTOMER = ("customers.customer.view", "customers.customer.personal")


@hookimpl
def plugin_manifest():
    return Manifest(
        title="客户",
        en="Customers",
        business=True,
        models=(Customer,),
        roles=(
            Role("staff", Words("员工", "Staff"), CUSTOMER + ("customers.customer.create", "customers.customer.edit")),
            Role(
                "department_head",
                Words("部门负责人", "Department head"),
                CUSTOMER + ("customers.customer.edit", "customers.customer.export", "customers.archive.view"),
                capacity="department_head",
            ),
            Role(
                "management",
                Words("管理层", "Management"),
                ("customers.customer.view", "customers.customer.export"),
                capacity="management",
            ),
        ),
    )
