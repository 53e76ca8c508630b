"""The yardstick: Django admin over the table of complaints as we have it, with the columns of our list and our form."""

from functools import cache

from django.contrib import admin
from django.db import models as m
from django.urls import path

LIST = ("number", "state", "customer", "channel", "class_field", "cause", "department", "owner", "happened_at")
FORM = (
    "branch", "number", "state", "owner", "department", "happened_at", "channel", "received_by", "customer",
    "contact_means", "content", "about_department", "about_employee", "class_field", "class_reason", "cause",
)  # fmt: skip


def _refers(to, column):
    return m.ForeignKey(to, m.DO_NOTHING, db_column=column, null=True, blank=True, related_name="+")


def _text(column=None, null=True):
    return m.CharField(max_length=255, db_column=column, null=null, blank=null)


def _named(table, show):
    """A model of a table that others refer to, shown by one column."""
    body = {
        "__module__": __name__,
        show: m.CharField(max_length=255),
        "__str__": lambda self: getattr(self, show),
        "Meta": type("Meta", (), {"managed": False, "db_table": table, "app_label": "bench"}),
    }
    return type(table.capitalize(), (m.Model,), body)


@cache
def models():
    """The models: {table: model}. Made once Django is set up."""
    found = {table: _named(table, show) for table, show in SHOWN.items()}

    class Complaint(m.Model):
        branch = m.ForeignKey(found["branch"], m.DO_NOTHING, related_name="+")
        number = _text(null=False)
        state = _text(null=False)
        revision = m.IntegerField(default=1)
        owner = _refers(found["person"], "owner_id")
        department = _refers(found["department"], "department_id")
        form_version = m.BigIntegerField(default=0)
        happened_at = m.DateTimeField()
        recorded_at = m.DateTimeField(auto_now_add=True)
        stamps = m.JSONField(default=dict)
        extra = m.JSONField(default=dict)
        gaps = m.JSONField(default=list)
        channel = m.CharField(max_length=64, choices=[(each, each) for each in ("phone", "visit", "letter", "web")])
        received_by = _refers(found["person"], "received_by_id")
        customer = _refers(found["customer"], "customer_id")
        contact_means = _text()
        content = m.TextField(null=True, blank=True)
        about_department = _refers(found["department"], "about_department_id")
        about_employee = _refers(found["person"], "about_employee_id")
        class_field = _text("class")
        class_reason = _text()
        cause = _text()
        rounds = m.IntegerField(default=1)

        class Meta:
            managed = False
            db_table = "complaint"
            app_label = "bench"

    return {**found, "complaint": Complaint}


SHOWN = {"branch": "name", "person": "name", "department": "name", "customer": "name"}


class Complaints(admin.ModelAdmin):
    """As somebody who cares for speed writes it: no count of all rows, references joined in lists, raw ids in forms."""

    list_display, fields = LIST, FORM
    list_select_related = ("customer", "department", "owner")
    show_full_result_count = False
    list_per_page = 20
    ordering = ("-happened_at",)
    raw_id_fields = ("branch", "owner", "department", "received_by", "customer", "about_department", "about_employee")


site = admin.AdminSite()
site.register(models()["complaint"], Complaints)
urlpatterns = [path("", site.urls)]
