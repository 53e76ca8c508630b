"""`zhixing channel`: the ways on which messages leave the program."""

import getpass
import sys

from core import channels
from core.channel_kinds import KINDS, SECURITY
from core.channels import CARRIES
from core.commands.console import JSON, add, add_group, print_rows
from core.commands.group import department_named
from core.commands.opening import AS, begin
from core.dispatches import counts
from core.language import LANGUAGES, say
from core.organisation import branch_by_code, organisation


def add_commands(commands):
    group = add_group(commands, "channel", "message channels: e-mail, WeCom, DingTalk, Feishu")
    add(group, "list", list_channels, "each channel, how it does, and what waits", AS, JSON)

    parser = add(group, "add", add_one, "add a channel; its secret is asked for, or read from standard input", AS, JSON)
    parser.add_argument("name", metavar="NAME", help="its name")
    parser.add_argument("--kind", required=True, choices=KINDS, help="what it is")
    parser.add_argument(
        "--branch", required=True, metavar="CODE", help="whose people or room; mail also of those below"
    )
    parser.add_argument("--department", metavar="CODE", help="of a robot: the room of one department")
    parser.add_argument("--carries", default="all", choices=CARRIES, help="all notices, red ones, or a digest a day")
    parser.add_argument("--language", choices=LANGUAGES, help="of a robot: the language of the room")
    parser.add_argument("--server", metavar="HOST", help="of e-mail: the mail server")
    parser.add_argument("--port", default="587", help="of e-mail: its port")
    parser.add_argument("--security", default="starttls", choices=SECURITY, help="of e-mail: how it is encrypted")
    parser.add_argument("--user", metavar="NAME", help="of e-mail: who signs in; the password is the secret")
    parser.add_argument("--sender", metavar="ADDRESS", help="of e-mail: the address to send from")
    parser.add_argument("--signed", action="store_true", help="of DingTalk: a second secret, for signing, is read too")

    parser = add(group, "test", test, "send a test message and say what came of it", AS, JSON)
    parser.add_argument("name", metavar="NAME", help="which channel")
    parser.add_argument("--to", metavar="ADDRESS", help="of e-mail: where to")

    parser = add(group, "resume", resume, "take up a channel that was set aside", AS)
    parser.add_argument("name", metavar="NAME", help="which channel")
    parser = add(group, "remove", remove, "take a channel away, with its secret", AS)
    parser.add_argument("name", metavar="NAME", help="which channel")


def list_channels(args, settings):
    actor = begin(args, settings)
    actor.require(channels.EDIT, None)
    known = channels.channels_of(actor)
    print_rows(args, _rows(known))


def _rows(known):
    health, counted, tree = channels.health_of([c.id for c in known]), counts([c.id for c in known]), organisation()
    for channel in known:
        sick = health.get(channel.id)
        yield {
            "name": channel.name,
            "kind": channel.kind,
            "branch": tree.branches[channel.branch_id].code,
            "department": tree.departments[channel.department_id].code if channel.department_id else None,
            "carries": channel.carries,
            "address": channel.shown_address,
            "waiting": counted.get((channel.id, "waiting"), 0),
            "sent": counted.get((channel.id, "sent"), 0),
            "set_aside": bool(sick and sick.set_aside_at),
            "failures": sick.failures if sick else 0,
            "error": sick.told if sick else "",
        }


def add_one(args, settings):
    actor = begin(args, settings)
    branch = branch_by_code(args.branch)
    actor.require(channels.EDIT, branch.id)
    values = {
        name: getattr(args, name) or ""
        for name in ("name", "kind", "carries", "server", "port", "security", "user", "sender")
    }
    values["language"] = args.language or settings.language
    if args.kind != "email":
        values["address"] = _secret(say("Webhook 地址", "Webhook address"))
        values["secret"] = _secret(say("加签密钥", "Signing secret")) if args.signed else ""
    elif args.user:
        values["password"] = _secret(say("密码或授权码", "Password or authorisation code"))
    channel = channels.add_channel(actor, values, branch, department_named(branch, args.department))
    print_rows(args, _rows([channel]))


def _secret(what):
    """A secret from the terminal, unseen, else the next line of standard input: never from the command line."""
    return getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline().strip()


def test(args, settings):
    actor = begin(args, settings)
    actor.require(channels.EDIT, None)
    outcome = channels.try_channel(actor, channels.channel_of(actor, name=args.name), args.to, settings)
    print_rows(args, [{"channel": args.name, "sent": outcome.is_sent, "result": outcome.told}])
    return 0 if outcome.is_sent else 1


def resume(args, settings):
    actor = begin(args, settings)
    actor.require(channels.EDIT, None)
    channels.resume(actor, channels.channel_of(actor, name=args.name))
    print(say("已恢复。", "Taken up again."))


def remove(args, settings):
    actor = begin(args, settings)
    actor.require(channels.EDIT, None)
    channels.remove_channel(actor, channels.channel_of(actor, name=args.name))
    print(say("已移除。", "Removed."))
