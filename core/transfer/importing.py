"""Bringing a file in: every row is prepared before one is written, and none is seen before the last one stands."""

import gc
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import peewee

from core.access import heads_of, holders_of
from core.database import transaction
from core.errors import Fault, Refused
from core.language import say
from core.organisation import organisation
from core.records import visibility
from core.records.context import open_context
from core.records.saving import write_new
from core.records.writing import prepare
from core.transfer import batches, left_out, mapping_file, matching
from core.transfer.reading import read

CHUNK = 100  # rows in the first transaction; the next ones as many as TARGET_SECONDS allow
MOST = 400  # and never more than so many: a chunk that happened to be quick says little about the next
TARGET_SECONDS = 0.05  # others wait for a write on SQLite, and no transaction may last 0.2 s
LOOK_UP = 500  # numbers asked for in one query


@dataclass
class Result:
    """What an import did. `errors` are {row, column, value, message}; `left_out_file` where its rows were written."""

    created: int = 0
    unchanged: int = 0
    errors: list = field(default_factory=list)
    left_out_file: str | None = None


def import_file(actor, model, path, branch, mapping=None, dry_run=False, skip_errors=False, progress=None):
    """Import a file of records of one type into a branch. Returns the Result.

    `mapping` is a TOML file (core.transfer.mapping_file); without it columns are known by the names of fields. One error
    imports nothing, unless `skip_errors`: then the rows left out are written to a file with their reasons. A dry run
    prepares all and writes nothing. `progress(done, total)` is told of each chunk. Raises Refused where the file or the
    mapping cannot be used at all, Denied and SwitchedOff.
    """
    context = open_context(actor, model, branch, "import", history=True)
    with _told_in_words():
        sheet = read(path)
        told = mapping_file.load(mapping, context) if mapping else matching.by_names(sheet, context, branch)
        told.bind(sheet)
        if not dry_run:
            batches.clean_up(datetime.now(UTC))
        rows = _Rows(context, told, sheet)
        rows.prepare()
        result = Result(len(rows.new), rows.unchanged, rows.errors)
        if rows.errors and not skip_errors:
            result.created = 0
        elif not dry_run:
            result.left_out_file = _carry_out(context, rows, progress)
    return result


def _carry_out(context, rows, progress):
    """Write the rows left out into their file, and the records; returns the file's path. Both or neither."""
    left = left_out.write(rows.sheet, rows.errors) if rows.errors else None
    try:
        if rows.new:
            _write(context, rows, rows.sheet.path.name, progress)
    except BaseException:
        if left is not None:
            left.unlink(missing_ok=True)
        raise
    return left and str(left)


@contextmanager
def _told_in_words():
    """A busy database or a full disk as a Refused that says what to do."""
    try:
        yield
    except (peewee.OperationalError, peewee.InternalError) as error:
        text = str(error).lower()
        if "full" in text or "no space" in text:
            raise Refused(
                Fault(
                    "",
                    say(
                        "磁盘已满,没有导入任何内容。请腾出空间后重新导入",
                        "the disk is full and nothing was imported. Make room and import it anew",
                    ),
                    "disk-full",
                )
            ) from error
        if "locked" in text or "busy" in text or "timeout" in text:
            raise Refused(
                Fault(
                    "",
                    say(
                        "数据库正忙,没有导入任何内容。请稍后重新导入",
                        "the database is busy and nothing was imported. Import it anew in a moment",
                    ),
                    "busy",
                )
            ) from error
        raise


class _Rows:
    """The rows of a file on their way: new records, how many are there already, and what is wrong with the others."""

    def __init__(self, context, told, sheet):
        self.context, self.told, self.sheet = context, told, sheet
        self.new, self.errors, self.unchanged = [], [], 0
        self.made = {}  # (field, name): the record to be made that stands for all
        self._given = ("number", told.others) if told.others else ("number",)
        self._fill_in()

    def _fill_in(self):
        """Whom and what the mapping names for every row, looked up once."""
        context, told = self.context, self.told
        for name in told.responsible:
            login = _responsible(context, told.responsible[name])
            if login is not None:
                told.constants[name] = login
        for name, called in told.placeholders.items():
            target = context.columns[name].rel_model
            title = target._meta.fields[target._meta.title_field]
            seen = visibility.visible_to(context.actor, target).where(
                target.branch == context.branch_id, title == called
            )
            found = seen.order_by(target.id).first()
            if found is None:
                self.made[name] = _stand_in(context, target, title.api_name, called)
            context.found[target, called] = found.id if found else 0
            told.constants[name] = called

    def prepare(self):
        """Look at every row: nothing is written."""
        there, first = self._there(), {}
        for number, cells in self.sheet.rows:
            values, faults = self.told.take(cells)
            key = values.get("number")
            if key in first:
                why = say(
                    "与第 {row} 行编号相同,以先出现的为准",
                    "has the number of row {row}, which comes first and stands",
                    row=first[key],
                )
                faults = [("number", self.told.column_of("number"), key, why)]
            elif key is not None:
                first[key] = number
            record = None
            if not faults:
                record, faults = self._record(values, cells, there.get(key))
            if not faults and key in there:
                faults = self._differs(there[key], record)
                self.unchanged += not faults
            elif not faults:
                self.new.append(record)
            self.errors += [
                {"row": number, "column": column, "value": _shown(value), "message": message}
                for _, column, value, message in faults
            ]

    def _there(self):
        """What is there already, by number."""
        model, column = self.context.model, self.told.number
        if column is None:
            return {}
        place, found = self.sheet.headers.index(column), {}
        numbers = sorted({str(cells[place]).strip() for _, cells in self.sheet.rows} - {""})
        query = visibility.visible_to(self.context.actor, model, "import").where(model.branch == self.context.branch_id)
        for begin in range(0, len(numbers), LOOK_UP):
            rows = query.where(model.number.in_(numbers[begin : begin + LOOK_UP]))
            found.update((row.number, row) for row in rows)
        return found

    def _record(self, values, cells, old):
        """The record of a row. Gaps are those that the mapping declares, or that the record there was brought in with."""
        declared = self.told.gaps if old is None else {*self.told.gaps, *(old.gaps or ())}
        gaps = [name for name in declared if values.get(name) in (None, "")]
        values.pop("branch", None)
        state = values.pop("state", None)
        record, found = prepare(self.context, values, given=self._given, gaps=gaps, state=state)
        return record, [self._place(fault, cells) for fault in found]

    def _place(self, fault, cells):
        column = self.told.column_of(fault.field)
        value = cells[self.sheet.headers.index(column)] if column else ""
        return fault.field, column or fault.field, value, fault.message

    def _differs(self, old, record):
        """The one fault that a row with the number of another record has, none where both say the same."""
        context = self.context
        names = [name for name in self.told.compared if name in context.columns or name in context.form.by_name]
        different = [name for name in names if not _same(old, record, name, context)]
        if not different:
            return []
        labels = "、".join(
            str(context.columns[name].label if name in context.columns else context.form.by_name[name].label)
            for name in different
        )
        why = say(
            "这个编号已有记录,而内容不同:{labels}。请核对;要改已有记录,请打开它修改",
            "there is a record of this number with other values: {labels}. Compare them; change a record on its own page",
            labels=labels,
        )
        return [("number", self.told.column_of("number"), record.number, why)]


def _same(old, record, name, context):
    if name in context.form.by_name:
        key = context.form.by_name[name].key
        return (old.extra or {}).get(key) == (record.extra or {}).get(key)
    column = context.columns[name]
    one, other = old.__data__.get(column.name), record.__data__.get(column.name)
    if column.kind == "moment" and one is not None and other is not None:
        same = one.replace(microsecond=0) == other.replace(microsecond=0)
        return same and old.is_day_only(column.name) == record.is_day_only(column.name)
    return one == other or (one in (None, "") and other in (None, ""))


def _shown(value):
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else str(value)


def _responsible(context, function):
    """The login of who imports, else of the head of a department of this function in the branch, else of its management."""
    if context.actor.person is not None:
        return context.actor.person.login
    for above in reversed(organisation().path(context.branch_id)):
        for department in organisation().departments_of(above):
            if department.function == function:
                for head in heads_of(department.id):
                    return head.login
    return next((person.login for person in holders_of("management", context.branch_id)), None)


def _stand_in(context, target, title, called):
    """The prepared record that stands for all where the source names none. Raises Denied or Refused before any row."""
    own = open_context(context.actor, target, context.branch_id, "create", history=True)
    record, faults = prepare(own, {title: called}, gaps=("owner",))
    if faults:
        raise Refused(*faults)
    return own, record


def _write(context, rows, source, progress):
    """Write the new records in chunks as large as the time for one transaction allows; all of them or none."""
    batch = batches.begin(context.actor, context.model, context.branch_id, source)
    gc.freeze()  # a search for garbage among all prepared rows would hold the database for longer than a chunk
    try:
        _write_chunks(context, rows, batch, progress or (lambda done, total: None))
    except BaseException:
        with suppress(peewee.DatabaseError):  # what cannot be undone now stays unseen, and is undone by `clean_up`
            batches.undo(context.actor, batch)
        raise
    finally:
        gc.unfreeze()


def _write_chunks(context, rows, batch, progress):
    total, done, size = len(rows.new), 0, CHUNK
    counts = {"created": total, "unchanged": rows.unchanged, "left_out": len({error["row"] for error in rows.errors})}
    progress(0, total)
    while done < total:
        chunk = rows.new[done : done + size]
        began = time.perf_counter()
        with transaction():
            batches.keep_alive(batch)
            if not done:
                _make_stand_ins(rows, batch)
            for record in chunk:
                record.batch = batch.id
            write_new(context, chunk)
            if done + len(chunk) == total:
                batches.finish(context.actor, batch, context.model, counts)
        took = time.perf_counter() - began
        done += len(chunk)
        size = max(20, min(MOST, size + size // 2, int(len(chunk) * TARGET_SECONDS / took)))
        progress(done, total)


def _make_stand_ins(rows, batch):
    for name, (context, stand_in) in rows.made.items():
        stand_in.batch = batch.id
        write_new(context, [stand_in])
        for record in rows.new:
            setattr(record, name, stand_in.id)
