"""What stands around the content of a page: side bar, branch switcher, bell. Worked out where a template asks for it."""

from functools import cached_property

from flask import g, request, url_for

from core.faulty import unasked
from core.language import LANGUAGES, current, say
from core.notices import Notice
from core.organisation import organisation
from core.screens import times
from core.screens.page import record_url
from core.screens.sign_in import branches_open_to


class Frame:
    """The frame of one response."""

    def __init__(self, admin):
        self._admin = admin

    @cached_property
    def menu(self):
        """The side bar: [(heading, [page])] of what the person may open, headings as registered, pages by their order."""
        groups = {}
        for page in self._admin._views:
            if page.in_menu and page.is_accessible():
                groups.setdefault(page.group, []).append(page)
        return [(heading, sorted(pages, key=lambda page: page.order)) for heading, pages in groups.items()]

    @cached_property
    def branches(self):
        """The branches to choose from: [(depth, branch)], each before those below it."""
        open_ = branches_open_to(g.actor)
        listed = [(depth, branch) for depth, branch in organisation().ordered() if branch.id in open_]
        least = min((depth for depth, _ in listed), default=0)
        return [(depth - least, branch) for depth, branch in listed]

    @cached_property
    def unread(self):
        """How many notices the person has not read."""
        return Notice.select().where(Notice.person == g.actor.person, Notice.read_at.is_null()).count()

    @property
    def here(self):
        """The address of this page, to come back to."""
        return request.full_path.rstrip("?") if request.method == "GET" else request.path


def install(app, admin):
    """Give every template the frame, both languages and the ways to write moments."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(lambda: {"frame": Frame(admin) if g.get("actor") and not g.get("owes") else None})
    app.jinja_env.globals.update(
        say=say,
        language=current,
        languages=LANGUAGES,
        record_url=record_url,
        unasked=unasked,
        branch_name=lambda branch_id: organisation().branches[branch_id].name,
        page_url=lambda page: url_for(f"{page.endpoint}.{page._default_view}"),
    )
    app.jinja_env.filters.update(
        moment=lambda value, branch_id=None: times.moment(value, branch_id or g.branch.id),
        time_left=lambda value: times.time_left(value, g.now),
        ago=lambda value: times.ago(value, g.now),
    )
