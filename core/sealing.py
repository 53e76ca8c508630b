"""Columns whose values are sealed in the database: never readable there, found by equality or by their last four characters.

Migrations bring columns that were plain under seal with `seal_columns`, and back with `unseal_columns`.
"""

import json

import peewee

from core import keys
from core.database import is_sqlite
from core.errors import Unsealable
from core.keys import END, HEAD, HIDDEN, TEXT, WHOLE

INDEX = "_sealed"  # ends the name of an index on the marks of a sealed column
UNREADABLE = "…"
rewritten = set()  # tables in which migrations of this process have found something plain
CHUNK = 500  # rows rewritten at once by a migration


class Sealed:
    """Makes a text column of peewee's a sealed one. `seal_kind` says how its values are compared."""

    seal_kind = TEXT

    def db_value(self, value):
        return None if value is None else keys.seal(str(value), self.seal_kind)

    def python_value(self, value):
        return keys.unseal(value) if keys.is_sealed(value) else value

    def __eq__(self, other):
        return self.is_null() if other is None else self.in_([other])

    def __ne__(self, other):
        return self.is_null(False) if other is None else self.not_in([other])

    __hash__ = peewee.Field.__hash__

    def in_(self, values):
        """The condition that the value is one of these, as values of this kind are compared."""
        return _mark(self, HEAD + 1, WHOLE).in_(self._marks(values))

    def not_in(self, values):
        return _mark(self, HEAD + 1, WHOLE).not_in(self._marks(values))

    __lshift__ = in_

    def _marks(self, values):
        if isinstance(values, peewee.Node) or any(isinstance(value, peewee.Node) for value in values):
            self._no_order()
        return [mark for value in values for mark in keys.wholes(self.seal_kind, str(value))]

    def found_by(self, text):
        """The condition that a person who typed `text` means this value: the whole of it, or its last four characters."""
        return found_by(self, self.seal_kind, text)

    def _no_order(self, *args, **kwargs):
        raise TypeError(
            f"{self.model.__name__}.{self.name} is sealed: the database can only ask whether it equals a value, or (found_by) "
            "how it ends. Compare it in Python, or keep what you sort by in a column of its own."
        )

    __lt__ = __le__ = __gt__ = __ge__ = __mod__ = __pow__ = _no_order
    contains = startswith = endswith = like = ilike = regexp = iregexp = between = asc = desc = concat = _no_order


def _mark(expression, begin, length):
    return peewee.fn.SUBSTR(expression, peewee.SQL(str(begin)), peewee.SQL(str(length)))  # spelt out, as in the index


def equals(expression, kind, text):
    """The condition that a sealed value which `expression` reads equals a text."""
    return _mark(expression, HEAD + 1, WHOLE).in_(keys.wholes(kind, text))


def found_by(expression, kind, text):
    """The condition that a sealed value which `expression` reads equals a text, or ends with its four characters."""
    found = equals(expression, kind, text)
    if len(keys.NORMAL[kind](text)) == keys.LAST:
        found |= _mark(expression, HEAD + WHOLE + 1, END).in_(keys.ends(kind, text))
    return found


class SealedColumn(Sealed, peewee.TextField):
    """A text in a table of the core's own that nobody looks for."""

    seal_kind = HIDDEN

    def python_value(self, value):
        return _lenient(value)


class SealedJsonColumn(peewee.TextField):
    """A small structure in a table of the core's own, kept as sealed JSON text."""

    def db_value(self, value):
        if value is None:
            return None
        return keys.seal(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str), HIDDEN)

    def python_value(self, value):
        text = _lenient(value)
        return (
            {UNREADABLE: [None, UNREADABLE]}
            if text == UNREADABLE
            else json.loads(text)
            if isinstance(text, str)
            else text
        )


def _lenient(value):
    """What was sealed. What somebody has changed in the database reads UNREADABLE, so that the trail can name it."""
    try:
        return keys.unseal(value) if isinstance(value, str) and value.startswith(keys.SIGN) else value
    except Unsealable:
        return UNREADABLE


# ---- for migrations ------------------------------------------------------------------------------------------------


def seal_columns(db, table, kinds):
    """Widen columns of a table and seal what stands in them: {column: kind}. Values that are sealed already stay."""
    for column in kinds if not is_sqlite() else ():  # SQLite keeps a text of any length in any column
        db.execute_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE TEXT')
    _rewrite(db, table, kinds, lambda value, kind: value if keys.is_sealed(value) else keys.seal(value, kind))


def unseal_columns(db, table, widths):
    """Write sealed columns plain again: {column: its width as a VARCHAR, or None for TEXT}."""
    _rewrite(db, table, widths, lambda value, _: keys.unseal(value) if keys.is_sealed(value) else value)
    for column, width in widths.items() if not is_sqlite() else ():
        db.execute_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {f"VARCHAR({width})" if width else "TEXT"}')


def index(db, table, column):
    """Add the index by which a sealed column is asked for equality."""
    db.execute_sql(f'CREATE INDEX "{table}_{column}{INDEX}" ON "{table}" (substr("{column}", {HEAD + 1}, {WHOLE}))')


def drop_index(db, table, column):
    """Take the index of a sealed column away again."""
    db.execute_sql(f'DROP INDEX "{table}_{column}{INDEX}"')


def _rewrite(db, table, told, change):
    mark, names = "?" if is_sqlite() else "%s", list(told)
    read, write = ", ".join(_quoted(names)), ", ".join(f"{name} = {mark}" for name in _quoted(names))
    read = f'SELECT "id", {read} FROM "{table}" WHERE "id" > {mark} ORDER BY "id" LIMIT {CHUNK}'  # nosec B608  # our names
    write = f'UPDATE "{table}" SET {write} WHERE "id" = {mark}'  # nosec B608  # names from our own models
    last = -(2**63)
    while rows := db.execute_sql(read, (last,)).fetchall():
        new = [
            (*[v and change(v, told[n]) for n, v in zip(names, values, strict=True)], row_id)
            for row_id, *values in rows
        ]
        differ = [each for each, row in zip(new, rows, strict=True) if each[:-1] != tuple(row[1:])]
        if differ:
            db.cursor().executemany(write, differ)
            rewritten.add(table)
        last = rows[-1][0]


def _quoted(names):
    return [f'"{name}"' for name in names]
