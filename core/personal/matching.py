"""Whether a stored personal value is the one that was asked for: the one place where the two are compared."""

import peewee

from core.sealing import Sealed

SIGNS = " -()+"  # what people write in a number without meaning anything by it
COUNTRY = "86"


def plain(text):
    """A name or a number without blanks and signs, in capitals."""
    return "".join(character for character in str(text or "") if character not in SIGNS + "\u3000").upper()


def equals(column, text):
    """A condition: the column holds this text, however it was written down; a number with or without +86."""
    if isinstance(column, Sealed):
        return column.in_([text])
    stored = column.coerce(False) if isinstance(column, peewee.Function) else column
    for sign in SIGNS:
        stored = peewee.fn.REPLACE(stored, sign, "")
    wanted = plain(text)
    either = [wanted, COUNTRY + wanted] if wanted.isdigit() else [wanted]
    if wanted.isdigit() and wanted.startswith(COUNTRY) and len(wanted) > 11:
        either.append(wanted.removeprefix(COUNTRY))
    return peewee.fn.UPPER(stored).coerce(False).in_([peewee.Value(each, converter=False) for each in either])
