"""Writing records out: every column that the actor may see, added questions included, page by page."""

import csv
import io
import tempfile
from functools import cache

from openpyxl import Workbook

from core.access import needs_actor
from core.errors import Fault, NotFound, Refused
from core.forms import questions_of
from core.language import current, say, speaking
from core.organisation import organisation
from core.records import visibility
from core.records.model import BASE_LABELS
from core.records.showing import note_export, purpose_in
from core.transfer.cells import guarded, in_excel, value_of

PAGE = 1000  # rows read at once
PIECE = 64 * 1024  # bytes of a finished file handed on at once
LEFT = ("stamps", "extra", "gaps")
KINDS = ("csv", "xlsx")


def export(actor, model, query=None, kind="csv", purpose=""):
    """The rows of a query (None: all) that the actor may export, as an iterator of bytes, oldest id first.

    People stand as logins, departments as codes, moments in the branch's zone; personal values are masked. With a
    purpose those that the actor may see stand in the clear, and that is noted with their count. Raises Refused for another kind, NotFound where the actor may export none of these records.
    """
    needs_actor(actor)
    if kind not in KINDS:
        raise Refused(Fault("kind", say("可选:{known}", "one of: {known}", known=", ".join(KINDS)), "choice"))
    branches = visibility.visible_branches(actor, model, "export")
    if branches is not None and not branches:
        raise NotFound(
            say("你没有可导出的“{label}”。", "There are no {label} that you may export.", label=model._meta.label)
        )
    table = _Table(actor, model, branches, is_clear=bool(purpose))
    query = visibility.visible_to(actor, model, "export", query)
    names = table.in_clear()
    if names:
        note_export(actor, model, names, query.count(), purpose_in(purpose))
    rows = table.rows(query)
    return (_csv if kind == "csv" else _excel)(table.headers, rows)


class _Table:
    """The columns of an export and how each of its rows is read. Labels are taken in the language that speaks now."""

    def __init__(self, actor, model, branches, is_clear):
        self.actor, self.model, self.language = actor, model, current()
        everywhere = organisation().branches if branches is None else branches
        self.columns = {}
        for branch_id in sorted(everywhere):
            self.columns.update(self._columns_in(branch_id))
        self.questions = questions_of(model._meta.record)
        labels = [column.label for column in self.columns.values()] + [q.label for q in self.questions.values()]
        self.headers = [str(BASE_LABELS["branch"]), *_distinct(labels, [*self.columns, *self.questions])]
        self._in = cache(lambda branch_id: frozenset(self._columns_in(branch_id)))
        self.branches, self.is_clear = sorted(everywhere), is_clear
        self._sees = cache(self._stands_clear)

    def _stands_clear(self, name, branch_id):
        column = self.columns.get(name) or self.questions[name].column
        return not column.personal or (self.is_clear and visibility.may_see(self.actor, self.model, column, branch_id))

    def in_clear(self):
        """The personal columns that stand in the clear somewhere in this export."""
        personal = [name for name, column in self.columns.items() if column.personal]
        personal += [name for name, question in self.questions.items() if question.column.personal]
        return [name for name in personal if any(self._sees(name, branch_id) for branch_id in self.branches)]

    def _columns_in(self, branch_id):
        found = visibility.columns(self.model, branch_id, self.actor.now)
        return {name: column for name, column in found.items() if name not in LEFT}

    def rows(self, query):
        """The cells of each row, page by page by key, so that memory and locks stay small."""
        last, names = 0, {column.name for column in self.columns.values()}
        while True:
            page = list(query.where(self.model.id > last).order_by(self.model.id).limit(PAGE))
            visibility.load_refs(page, self.model, names)
            with speaking(self.language):
                lines = [self._cells(record) for record in page]
            yield from lines
            if len(page) < PAGE:
                return
            last = page[-1].id

    def _cells(self, record):
        branch_id = record.branch_id
        here, cells = self._in(branch_id), [organisation().branches[branch_id].code]
        for name, column in self.columns.items():
            if name not in here:
                cells.append("")
            elif name == "state":
                cells.append(self._state(record))
            else:
                cells.append(value_of(record, column, self._sees(name, branch_id)))
        for question in self.questions.values():
            answer = (record.extra or {}).get(question.key)
            cells.append("" if answer is None else self._answer(question, answer, branch_id))
        return cells

    def _answer(self, question, answer, branch_id):
        if not self._sees(question.name, branch_id):
            return visibility.masked(answer)
        return question.column.show(question.column.parse(answer))

    def _state(self, record):
        workflow = visibility.workflow(self.model, record.branch_id, self.actor.now)
        state = workflow.states.get(record.state)
        return str(state.label) if state else record.state


def _distinct(labels, names):
    """The labels as headers; those that occur twice are replaced by the names of the fields, which do not."""
    texts = [str(label) for label in labels]
    return [name if texts.count(text) > 1 else text for text, name in zip(texts, names, strict=True)]


def _csv(headers, rows):
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def taken():
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text.encode()

    yield b"\xef\xbb\xbf"  # so that Excel reads it as UTF-8
    writer.writerow(map(guarded, headers))
    for cells in rows:
        writer.writerow(map(guarded, cells))
        if buffer.tell() > PIECE:
            yield taken()
    yield taken()


def _excel(headers, rows):
    book = Workbook(write_only=True)
    page = book.create_sheet()
    page.freeze_panes = "A2"
    page.append([in_excel(page, name) for name in headers])
    for cells in rows:
        page.append([in_excel(page, cell) for cell in cells])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece
