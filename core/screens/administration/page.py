"""The base of the pages of administration: one heading in the side bar."""

from core.language import Words
from core.screens.page import Page


class AdministrationPage(Page):
    """A page under the heading of administration."""

    group = Words("管理", "Administration")
