"""What is held about a person: found over all plugins, handed out, erased or sealed; and what is under seal."""

import json
from io import BytesIO

from flask import Response, flash, g, redirect, request
from flask_admin import expose
from openpyxl import Workbook

from core.errors import NotFound
from core.language import Words, say
from core.organisation import organisation
from core.personal import requests
from core.personal.deciding import decide
from core.personal.telling import HEADERS, held, opened_lines
from core.plugins import registry
from core.records.sealed import Seal
from core.screens.administration.asking import Typed, typed
from core.screens.administration.page import AdministrationPage
from core.screens.page import open_branches
from core.screens.records.cells import state_cell, title_of
from core.transfer.cells import in_excel

PAGE = 30


class Personal(AdministrationPage):
    """Requests of people about their personal data."""

    title = Words("个人信息请求", "Personal data requests")
    icon = "user-secret"
    order = 81

    def is_accessible(self):
        """Whether the person may find, or open what is sealed, in some branch at hand."""
        return bool(open_branches(requests.FIND) or open_branches(requests.OPEN))

    @expose("/")
    def index(self):
        """The question, and what was asked and decided before."""
        return self._page(Typed())

    @expose("/", methods=("POST",))
    def found(self):
        """What is held about the person who was named; nothing of it stands in the address."""
        asked, found = typed(), None
        with asked.judged():
            found = requests.look_up(g.actor, asked.text("name"), asked.text("number"), asked.text("purpose"))
        return self._page(asked, found), 422 if asked.faults else 200

    def _page(self, asked, found=None):
        return self.show(
            "zhixing/administration/personal.html",
            asked=asked,
            found=found,
            decisions=decide(g.actor, found or []),
            held={each.key: held(g.actor, each) for each in found or ()},
            before=requests.made(g.actor).limit(PAGE),
            seals=list(requests.seals(g.actor).limit(PAGE)) if g.actor.may(requests.OPEN, None) else None,
            may_find=g.actor.may(requests.FIND, None),
            may_forget=g.actor.may(requests.FORGET, None),
            tree=organisation(),
            label_of=_label,
            state_of=lambda row: state_cell(row, g.actor),
            title_of=lambda row: title_of(row, g.actor),
        )

    @expose("/export/<kind>", methods=("POST",))
    def export(self, kind):
        """What is held about the person as a file for them, xlsx or json: each value with its purpose and its source."""
        if kind not in KINDS:
            raise NotFound(say("只有 xlsx 和 json。", "There are xlsx and json."))
        asked = typed()
        found = requests.look_up(g.actor, asked.text("name"), asked.text("number"), asked.text("purpose"))
        lines = [line for each in found if each.is_sure for line in held(g.actor, each)]
        content, mimetype = KINDS[kind](lines)
        response = Response(content, mimetype=mimetype)
        response.headers.set("Content-Disposition", "attachment", filename=f"personal-data-{g.now:%Y%m%d}.{kind}")
        return response

    @expose("/forget", methods=("POST",))
    def forget(self):
        """Erase or seal the chosen records of a person; those in work stay."""
        asked, request_ = typed(), None
        with asked.judged():
            chosen = request.form.getlist("chosen")
            name, number, reason = asked.text("name"), asked.text("number"), asked.text("reason")
            request_ = requests.forget(g.actor, name, number, chosen, reason, g.settings.files)
        if request_ is None:
            return self._page(asked), 422
        flash(say("已处理,结果见下", "Done; see below what came of it"), "green")
        return redirect(self.url + "/", 303)

    @expose("/seals/<int:seal_id>", methods=("POST",))
    def open_seal(self, seal_id):
        """Show what is under a seal, in this answer only: the purpose is asked and noted."""
        seal = requests.seals(g.actor).where(Seal.id == seal_id).get_or_none()
        if seal is None:
            raise NotFound(say("没有这份封存,或者你无权启封。", "There is no such seal that you may open."))
        row = requests.opened(g.actor, seal, request.form.get("purpose"))
        return self.show("zhixing/administration/seal.html", seal=seal, row=row, lines=opened_lines(g.actor, row))


def _label(name):
    model = registry().models.get(name)
    return str(model._meta.label) if model else name


def _as_json(lines):
    items = [dict(zip(HEADERS, line, strict=True)) for line in lines]
    return json.dumps(items, ensure_ascii=False, indent=1), "application/json"


def _as_excel(lines):
    book = Workbook(write_only=True)
    page = book.create_sheet()
    for line in ([str(words) for words in HEADERS.values()], *lines):
        page.append([in_excel(page, text) for text in line])
    file = BytesIO()
    book.save(file)
    return file.getvalue(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


KINDS = {"json": _as_json, "xlsx": _as_excel}
