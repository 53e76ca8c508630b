"""The notices of a person: read, marked as read, and followed to the record that they speak of."""

from flask import g, redirect, request, url_for
from flask_admin import expose

from core.language import Words
from core.notices import Notice
from core.screens.page import EVERYBODY, Page, record_url

PER_PAGE = 50


class Notices(Page):
    """What one was told."""

    permission = EVERYBODY
    title = Words("通知", "Notices")
    icon = "bell-o"
    order = 90

    @expose("/")
    def index(self):
        before = request.args.get("before", type=int)
        mine = Notice.select().where(Notice.person == g.actor.person)
        if before:
            mine = mine.where(Notice.id < before)
        rows = list(mine.order_by(Notice.id.desc()).limit(PER_PAGE + 1))
        older = rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None
        return self.show("zhixing/notices.html", notices=rows[:PER_PAGE], older=older)

    @expose("/read", methods=("POST",))
    def read(self):
        """Mark one notice (form field `id`) or all of them as read; a single one leads to its record."""
        mine = (Notice.person == g.actor.person) & Notice.read_at.is_null()
        chosen = request.form.get("id", type=int)
        if chosen is None:
            Notice.update(read_at=g.now).where(mine).execute()
            return redirect(url_for("notices.index"))
        Notice.update(read_at=g.now).where(mine, Notice.id == chosen).execute()
        notice = Notice.get_or_none(Notice.person == g.actor.person, Notice.id == chosen)
        known = notice is not None and notice.record and notice.record_id
        return redirect(record_url(notice.record, notice.record_id) if known else url_for("notices.index"))
