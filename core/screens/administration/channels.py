"""Message channels: what goes out where, how each does, adding one, a test message, and taking up one that was set aside."""

from flask import flash, g, redirect, request, url_for
from flask_admin import expose

from core import channels
from core.channel_kinds import KINDS, SECURITY
from core.channels import CARRIES, EDIT
from core.dispatches import STATES, counts
from core.language import LANGUAGES, Words, say
from core.organisation import organisation
from core.screens.administration.asking import Typed, branch_of, branches_for, chosen_branch, department_of, done, typed
from core.screens.administration.page import AdministrationPage

FIELDS = (
    "name",
    "kind",
    "carries",
    "language",
    "server",
    "port",
    "security",
    "user",
    "password",
    "sender",
    "address",
    "secret",
)
SECRET_FIELDS = ("password", "secret", "address")  # never shown again, not even to whoever has just typed them
USUAL = {"kind": "email", "carries": "all", "port": "587", "security": "starttls"}


class Channels(AdministrationPage):
    """The channels that the person administers."""

    permission = EDIT
    title = Words("消息通道", "Message channels")
    icon = "paper-plane-o"
    order = 95

    @expose("/")
    def index(self, form=None):
        branch, known = chosen_branch(EDIT), channels.channels_of(g.actor)
        form = form or Typed({**USUAL, "language": g.settings.language, "kind": _kind()})
        for name in SECRET_FIELDS:
            form.values.pop(name, None)
        ids = [channel.id for channel in known]
        return self.show(
            "zhixing/administration/channels.html",
            channels=known,
            health=channels.health_of(ids),
            counts=counts(ids),
            states=STATES,
            tree=organisation(),
            branch=branch,
            branches=branches_for(EDIT),
            departments=organisation().departments_of(branch.id),
            form=form,
            kind=KINDS[form.get("kind") if form.get("kind") in KINDS else "email"],
            kinds=KINDS,
            carries=CARRIES,
            securities=SECURITY,
            languages_known=LANGUAGES,
            own=_own_address(),
        ), 422 if form.faults else 200

    @expose("/add", methods=("POST",))
    def add(self):
        """Add a channel; its secret is kept encrypted and shown to nobody."""
        form = typed()
        form.values = {name: form.text(name) for name in (*FIELDS, "department")}
        branch = branch_of(request.form.get("branch", ""), EDIT)
        department = department_of(branch, form.text("department")) if form.text("department") else None
        if form.text("department") and department is None:
            form.fault("department", say("该部门不属于所选机构", "this department is of another branch"))
        if not form.faults:
            with form.judged():
                channel = channels.add_channel(g.actor, {name: form.text(name) for name in FIELDS}, branch, department)
                told = say(
                    "已新增“{name}”,请发送测试消息。", "{name} was added. Send a test message.", name=channel.name
                )
                return done(told, url_for("channels.index", branch=branch.code))
        return self.index(form=form)

    @expose("/<int:channel_id>/test", methods=("POST",))
    def test(self, channel_id):
        """Send a test message, and say what came of it."""
        channel, form = channels.channel_of(g.actor, channel_id), Typed()
        with form.judged():
            outcome = channels.try_channel(g.actor, channel, request.form.get("to", "").strip(), g.settings)
            flash(f"{channel.name}: {outcome.told}", "green" if outcome.is_sent else "red")
            return redirect(url_for("channels.index"), 303)
        flash("; ".join(form.others()), "red")
        return redirect(url_for("channels.index"), 303)

    @expose("/<int:channel_id>/resume", methods=("POST",))
    def resume(self, channel_id):
        """Take up a channel that was set aside."""
        channels.resume(g.actor, channels.channel_of(g.actor, channel_id))
        return done(say("已恢复,等待中的消息将继续发送。", "Taken up: what waits is sent."), url_for("channels.index"))

    @expose("/<int:channel_id>/remove", methods=("POST",))
    def remove(self, channel_id):
        """Take a channel away, with its secret."""
        channels.remove_channel(g.actor, channels.channel_of(g.actor, channel_id))
        return done(say("已移除。", "Removed."), url_for("channels.index"))


def _kind():
    return request.args.get("kind") if request.args.get("kind") in KINDS else "email"


def _own_address():
    kept = channels.address_kept(g.actor.person)
    return kept.sealed_address if kept else ""
