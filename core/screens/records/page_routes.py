"""The routes of a record's page: steps, corrections, handing over, comments and files."""

from flask import flash, g, redirect, request, send_file, session
from flask_admin import expose

from core import attachments, comments, records
from core.errors import NotFound, Refused, Stale
from core.language import say
from core.records.showing import show
from core.screens.records import conflict, handing
from core.screens.records.cells import address, state_cell
from core.screens.records.details import details
from core.screens.records.steps import steps_of


class PageRoutes:
    """One record, and what is done to it."""

    @expose("/<int:row_id>")
    def details_view(self, row_id):
        """The page of a record."""
        return self._page(self.found(row_id))

    def _page(self, record, status=200, faults=None, steps=None):
        page = details(g.actor, record, everything=bool(request.args.get("trail")))
        if steps is not None:
            page.steps = steps
        return (
            self.show(
                "page",
                of=page,
                record=record,
                address=address,
                state_cell=lambda row: state_cell(row, g.actor),
                faults=faults or {},
                typed=request.form,
                shown=conflict.shown,
                saved=session.pop("saved_form", ""),
            ),
            status,
        )

    @expose("/<int:row_id>/do/<event>", methods=("POST",))
    def step_view(self, row_id, event):
        """Take the record a step further."""
        record = self.found(row_id)
        step, steps = self._step(record, event)
        if step is None:
            return self._page(record, 422, {"event": _gone(record)})
        try:
            step.entry.step(event)
        except Refused as refused:
            step.entry.blame(refused.faults)
            return self._page(record, 422, steps=steps)
        except Stale as stale:
            return self._stale_step(self.found(row_id), event, stale)
        return self._done(row_id, say("已办理:{step}", "Done: {step}", step=step.transition.label))

    def _step(self, record, event):
        """The step with what was typed into it, among all steps."""
        steps = steps_of(g.actor, record)
        step = next((each for each in steps if each.event == event), None)
        if step is not None:
            step.entry.read(request.form)
            step.is_open = True
        return step, steps

    def _stale_step(self, fresh, event, stale):
        step, steps = self._step(fresh, event)
        if step is None:
            return self._page(fresh, 409, {"event": _gone(fresh)})
        theirs = next(each for each in steps_of(g.actor, fresh) if each.event == event)
        both = conflict.both(step.entry, theirs.entry)
        step.both = tuple(each for each in both if each.item.name not in step.transition.stamps)
        step.entry.faults.append(stale.message)
        return self._page(fresh, 409, steps=steps)

    @expose("/<int:row_id>/show", methods=("POST",))
    def show_view(self, row_id):
        """Show the personal data of a record for a while: the purpose is asked and noted."""
        return self._act(
            row_id,
            lambda record: show(g.actor, [record], request.form.get("purpose"), g.settings.show_minutes),
            "purpose",
            say("已显示,并已留痕", "Shown, and noted"),
        )

    @expose("/<int:row_id>/correct", methods=("POST",))
    def correct_view(self, row_id):
        """Correct a stamped moment, with a reason; the old one stays in the trail."""
        name = request.form.get("field", "")
        value = request.form.get("value", "").replace("\0", "")
        if request.form.get("value.day"):
            value = value[:10]

        def correct(record):
            if name not in {stamp[0] for stamp in details(g.actor, record).stamps}:
                raise Refused(say("请选择要更正的时间", "choose the moment to correct"))
            revision = request.form.get("revision", type=int)
            return records.change(
                g.actor, record, {name: value}, revision=revision, reason=request.form.get("reason", "")
            )

        return self._act(row_id, correct, "correct", say("时间已更正", "The moment is corrected"))

    @expose("/<int:row_id>/hand-over", methods=("POST",))
    def hand_over_view(self, row_id):
        """Hand the record over to another branch, department or person."""
        return self._act(
            row_id,
            lambda record: handing.hand_over(g.actor, record, request.form),
            "hand_over",
            say("已移交", "Handed over"),
        )

    @expose("/<int:row_id>/comments", methods=("POST",))
    def comment_view(self, row_id):
        """Write a comment."""
        text = request.form.get("comment", "").replace("\0", "")
        return self._act(row_id, lambda r: comments.add(g.actor, r, text), "comment", say("留言已发布", "Commented"))

    @expose("/<int:row_id>/files", methods=("POST",))
    def attach_view(self, row_id):
        """Attach a file."""

        def attach(record):
            file = request.files.get("file")
            content = file.read() if file else b""
            return attachments.attach(g.actor, record, file.filename if file else "", content, g.settings)

        return self._act(row_id, attach, "file", say("附件已上传", "The file is attached"))

    @expose("/<int:row_id>/files/<int:file_id>")
    def file_view(self, row_id, file_id):
        """Give a file back, as a download only."""
        file = attachments.attachment_of(self.found(row_id), file_id)
        return send_attachment(file)

    @expose("/<int:row_id>/files/<int:file_id>/remove", methods=("POST",))
    def remove_file_view(self, row_id, file_id):
        """Take a file off, with a reason."""

        def remove(record):
            file = attachments.attachment_of(record, file_id)
            attachments.remove(g.actor, record, file, request.form.get("reason", "").replace("\0", ""))

        return self._act(row_id, remove, "file", say("附件已移除", "The file is removed"))

    def _act(self, row_id, act, place, told):
        """Do something to a record; what is refused is told at its place on the page."""
        record = self.found(row_id)
        try:
            act(record)
        except (Refused, Stale) as refused:
            return self._page(self.found(row_id), refused.status, {place: refused.message})
        return self._done(row_id, told)

    def _done(self, row_id, told):
        session["saved_form"] = request.path  # the page then forgets the browser's own copy of what was typed
        flash(told, "green")
        return redirect(self._address(row_id), 303)

    def _address(self, row_id):
        """The record's page where it is still visible (a record can be handed out of sight), else the list."""
        try:
            return address(records.find(g.actor, self.model, row_id))
        except NotFound:
            return f"{self.url}/"


def _gone(record):
    state = state_cell(record, g.actor).text
    return say(
        "这一步现在不能办理:状态已是“{state}”。", "This step is not possible now: the state is {state}.", state=state
    )


def send_attachment(file):
    """A file as a download that no browser opens in place."""
    path = attachments.content_of(file, g.settings.files)
    response = send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=file.name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
