"""The desk: what I owe, in the order in which it falls due, and what waits for me."""

from flask_admin import expose

from core.language import Words
from core.screens.page import Page


class Desk(Page):
    """What a person has before them."""

    permission = "core.desk.view"
    title = Words("工作台", "Desk")
    icon = "dashboard"
    order = 1
    path = "/"

    @expose("/")
    def index(self):
        return self.show("zhixing/desk.html")
