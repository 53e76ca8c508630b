"""The desk: what I owe, in the order in which it falls due, what waits for me, and what I left unfinished."""

from flask import g
from flask_admin import expose

from core.drafts import Draft
from core.language import Words
from core.notices import Notice
from core.screens import mine
from core.screens.page import Page
from core.screens.records.cells import state_cell, title_of

FEW = 5


class Desk(Page):
    """What a person has before them."""

    permission = "core.desk.view"
    title = Words("工作台", "Desk")
    icon = "dashboard"
    order = 1
    path = "/"

    @expose("/")
    def index(self):
        owed = mine.owed(g.actor)
        shown = {(row.clock.record, row.clock.record_id) for row in owed}
        return self.show(
            "zhixing/desk.html",
            owed=owed,
            most=mine.MOST,
            to_decide=mine.to_decide(g.actor, g.scope),
            drafts=list(self._drafts()),
            notices=list(self._unread()),
            begun=mine.begun(g.actor, g.scope, shown),
            title_of=lambda record: title_of(record, g.actor),
            state_of=lambda record: state_cell(record, g.actor),
        )

    def _drafts(self):
        return Draft.select().where(Draft.person == g.actor.person).order_by(Draft.saved_at.desc()).limit(FEW)

    def _unread(self):
        unread = Notice.select().where(Notice.person == g.actor.person, Notice.read_at.is_null())
        return unread.order_by(Notice.id.desc()).limit(FEW)
