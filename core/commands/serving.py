"""`zhixing run`, `web` and `worker`: the program in one process, or its parts apart."""

import signal
import socket
import sys
from dataclasses import replace
from datetime import UTC, datetime

import waitress

from core import database, demo
from core.apart import Apart
from core.app import create_app
from core.commands.console import add
from core.commands.opening import acting, open_product
from core.commands.setup import admin_without_password, first_group, print_links
from core.errors import Refused
from core.language import say
from core.organisation import organisation
from core.worker import Worker

try:
    from gunicorn.app.base import BaseApplication
except ImportError:  # Windows
    BaseApplication = object


def add_commands(commands):
    parser = add(commands, "run", run, "web and worker in one process; sets up and upgrades what is needed")
    _add_address(parser)
    parser.add_argument("--demo", action="store_true", help="make a demo group first if the database is empty")
    parser = add(commands, "web", web, "the web program alone; the worker runs apart")
    _add_address(parser)
    parser.add_argument("--workers", type=int, metavar="N", help="N processes under gunicorn (not on Windows)")
    add(commands, "worker", worker, "the background worker alone, as many as wanted; ends on SIGTERM")


def _add_address(parser):
    parser.add_argument("--host", help="the address to listen on (a setting; as shipped 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port to listen on (a setting; as shipped 8000)")


def _at_address(args, settings):
    given = {name: getattr(args, name) for name in ("host", "port") if getattr(args, name) is not None}
    return replace(settings, **given)


def run(args, settings):
    settings = _at_address(args, settings)
    _require_free(settings)
    app = create_app(settings)
    newcomers = _set_up(args, settings, app)
    print_links(newcomers or admin_without_password(), settings)
    server = _server(app, settings)
    background = Worker(settings, apart=Apart(settings))
    background.start()
    try:
        _serve(server, settings)
    finally:
        background.stop()


def _set_up(args, settings, app):
    """The demo group where it is asked for and the database is empty, else what a first start needs: who is new."""
    settings.files.mkdir(parents=True, exist_ok=True)
    if args.demo and not organisation().branches:
        print(say("正在创建示例集团……", "Making the demo group ..."), flush=True)
        newcomers = demo.create(datetime.now(UTC))
        app.config["ZHIXING"] = demo.without_codes(settings)
        return newcomers
    return first_group(acting())


def web(args, settings):
    settings = _at_address(args, settings)
    open_product(settings)
    _require_free(settings)
    if args.workers:
        database.db.close()  # each process opens its own
        print(say("正在运行:{url}", "Running at {url}", url=settings.url), flush=True)
        _Gunicorn(settings, args.workers).run()
    else:
        _serve(_server(create_app(settings, upgrade=False), settings), settings)


def worker(args, settings):
    open_product(settings)
    Worker(settings, apart=Apart(settings)).run_forever()


def _require_free(settings):
    """Raise Refused where the port is taken: before anything is set up, and in words."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except (OSError, OverflowError) as error:
            raise Refused(
                say(
                    "无法监听 {host}:{port}({error})。程序可能已在运行,否则请换端口,例如 --port {other}。",
                    "Cannot listen on {host}:{port} ({error}). It may be running already; else take another port: "
                    "--port {other}.",
                    host=settings.host,
                    port=settings.port,
                    error=getattr(error, "strerror", None) or error,
                    other=settings.port + 1 if 0 < settings.port < 65535 else 8001,
                )
            ) from error


def _server(app, settings):
    scheme = "https" if settings.behind_tls else "http"
    most = 2 * app.config["MAX_CONTENT_LENGTH"]  # what is little too large is told by a page; more is not even taken in
    return waitress.create_server(
        app, host=settings.host, port=settings.port, url_scheme=scheme, threads=8, max_request_body_size=most
    )


def _serve(server, settings):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the worker ends after the work at hand
    print(say("正在运行:{url}(按 Ctrl+C 停止)", "Running at {url} (Ctrl+C stops it)", url=settings.url), flush=True)
    database.db.close()
    server.run()


class _Gunicorn(BaseApplication):
    """The web program in several processes, each with a database connection of its own."""

    def __init__(self, settings, workers):
        if BaseApplication is object:
            raise Refused(
                say(
                    "本系统没有 gunicorn,请不用 --workers。",
                    "There is no gunicorn on this system: leave out --workers.",
                )
            )
        self.settings, self.workers = settings, workers
        super().__init__()

    def load_config(self):
        self.cfg.set("bind", f"{self.settings.host}:{self.settings.port}")
        self.cfg.set("workers", self.workers)
        self.cfg.set("control_socket_disable", True)  # it would lie in the home of the system's user

    def load(self):
        return create_app(self.settings, upgrade=False)
