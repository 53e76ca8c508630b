"""Background work: the last run of each job, what failed and why, and messages that wait or were given up."""

import peewee
from flask import g, request, url_for
from flask_admin import expose

from core import outbox
from core.audit import note
from core.checks import all_checks
from core.database import transaction
from core.faulty import set_aside_now
from core.jobs import STATES, JobRun
from core.language import Words, say
from core.organisation import organisation
from core.outbox import Message
from core.plugins import registry
from core.screens.administration.asking import done
from core.screens.administration.page import AdministrationPage

VIEW, EDIT = "core.job.view", "core.job.edit"
PAGE = 50
TONES = {"working": "green", "done": "green", "claimed": "blue", "failed": "red", "missed": "yellow"}


class Jobs(AdministrationPage):
    """The ledger of jobs and the outbox."""

    permission = VIEW
    title = Words("后台任务", "Background work")
    icon = "cogs"
    order = 90

    @expose("/")
    def index(self):
        waiting, given_up = outbox.waiting()
        return self.show(
            "zhixing/administration/jobs.html",
            last=_last(),
            failed=_page(JobRun.select().where(JobRun.state.in_(("failed", "missed"))), JobRun),
            given_up=_at_hand(outbox.given_up(), Message),
            retrying=_at_hand(Message.select().where(Message.next_try_at.is_null(False), Message.tries > 0), Message),
            waiting=waiting,
            given_up_count=given_up,
            states=STATES,
            label=_label,
            result=_result,
            tones=TONES,
            tree=organisation(),
            plugins=registry().plugins,
            aside=set_aside_now(),
            may_retry=g.actor.may(EDIT, None),
        )

    @expose("/retry", methods=("POST",))
    def retry(self):
        """Try messages again that were given up: one, or all at hand."""
        g.actor.require(EDIT, None)
        query = outbox.given_up().where(Message.branch_id.in_(_branches(EDIT)))
        chosen = request.form.get("id", type=int)
        if chosen is not None:
            query = query.where(Message.id == chosen)
        rows = list(query)
        with transaction():
            again = outbox.try_again(g.now, [row.id for row in rows])
            for row in rows:
                note(g.actor, "try_again", "outbox", row.id, row.branch_id, {"error": [row.error, ""]})
        return done(say("{n} 条将重新投递。", "{n} will be tried again.", n=again), url_for("jobs.index"))


LABELS = {
    "core.backup": Words("每日备份", "Daily backup"),
    "core.close_month": Words("月度指标结账", "Closing the month"),
    "core.export_heads": Words("审计链首导出", "Writing out the heads of the trail"),
    "core.follow_switches": Words("到期开关生效", "Switches coming into force"),
    "core.prune": Words("清理旧记录", "Forgetting old runs"),
    "core.rework": Words("时限重算", "Working clocks out anew"),
    "core.worker": Words("后台进程", "Worker"),
}
COUNTS = {
    "rows": Words("{n} 项指标", "{n} figures"),
    "records": Words("{n} 条记录", "{n} records"),
    "looked_at": Words("查看 {n}", "looked at {n}"),
    "found": Words("发现 {n}", "found {n}"),
    "opened": Words("新增 {n}", "opened {n}"),
    "closed": Words("消除 {n}", "closed {n}"),
    "job_run": Words("任务记录 {n} 条", "{n} runs"),
    "outbox": Words("消息 {n} 条", "{n} messages"),
    "dispatch": Words("外发消息 {n} 条", "{n} messages out"),
    "file": Words("{n}", "{n}"),
}


def _label(job):
    """A job in words: a check by its sentence."""
    known = all_checks().get(job.removeprefix("check:"))
    return known[1].label if known else LABELS.get(job, job)


def _result(run):
    """What a run came to, in words."""
    told = run.result if isinstance(run.result, dict) else {}
    return say(",", ", ").join(str(words).format(n=told[key]) for key, words in COUNTS.items() if key in told)


def _branches(permission):
    allowed = g.actor.branches(permission)
    return sorted(set(g.scope) if allowed is None else set(g.scope) & allowed) or [-1]


def _at_hand(query, model):
    return list(query.where(model.branch_id.in_(_branches(VIEW))).order_by(model.id.desc()).limit(PAGE))


def _page(query, model):
    ids = [0, *_branches(VIEW)]
    return list(query.where(model.branch_id.in_(ids)).order_by(model.began_at.desc(), model.id.desc()).limit(PAGE))


def _last():
    """The latest run of each job (and branch, where it runs for each), in one query."""
    newest = JobRun.select(peewee.fn.MAX(JobRun.id)).where(JobRun.branch_id.in_([0, *_branches(VIEW)]))
    newest = newest.group_by(JobRun.job, JobRun.branch_id)
    return list(JobRun.select().where(JobRun.id.in_(newest)).order_by(JobRun.job, JobRun.branch_id))
