"""Column types of records: each carries its label, the clause that asks for it and whether it is personal data."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

import peewee

from core import keys
from core.language import Words, say
from core.sealing import Sealed


class Described:
    """What every column of a record says of itself.

    `label` is Chinese (or Words); the English one follows from the name. `clause` is an id or several, or None.
    `personal` is the purpose for which personal data is kept, or None. `hint` helps the person who fills it in.
    `read_only`: shown, never typed. A column is required unless `null=True` or it has a default.
    """

    kind = "text"
    encrypted = False  # whether its values are sealed in the database (core.sealing)

    def __init__(self, label, *, clause=None, personal=None, hint=None, read_only=False, en=None, **kwargs):
        self._words = (label, en)
        self.clauses = (clause,) if isinstance(clause, str) else tuple(clause or ())
        self.personal, self.hint, self.read_only = personal, hint, read_only
        super().__init__(**kwargs)

    def bind(self, model, name, set_attribute=True):
        super().bind(model, name, set_attribute)
        label, en = self._words
        self.label = label if isinstance(label, Words) else Words(label, en, name=name.split("__")[-1])

    @property
    def api_name(self):
        """The name in the API, imports and exports: without the underscore that Python's keywords force on us."""
        return self.name.rstrip("_")

    @property
    def required(self):
        """Whether a new record must have a value."""
        return not self.null and self.default is None

    def parse(self, text, context=None):
        """The value that `text` (a str from a form, a cell or JSON; or already a value) stands for.

        Empty is None. Raises ValueError with a sentence that says what to write. `context` resolves codes and logins.
        """
        if text is None or (isinstance(text, str) and not text.strip()):
            return None
        return self._parse(text.strip() if isinstance(text, str) else text, context)

    def _parse(self, text, context):
        return _written(text)

    def as_json(self, value):
        """The value as JSON and exports show it."""
        return value

    def show(self, value):
        """The value as a person reads it in the language that speaks now."""
        return "" if value is None else str(value)


def printable(text):
    """`text` again. Raises ValueError where it holds what no database keeps: NUL, half of a surrogate pair."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(say("含有无法保存的字符", "it holds characters that cannot be kept"))
    return text


def _written(value):
    """A value as text. Raises ValueError where it is none: JSON's true, lists and objects."""
    if isinstance(value, (bool, list, dict)):
        raise ValueError(say("应为文字", "text is wanted"))
    return printable(str(value))


FIRST_YEAR, LAST_YEAR = 1900, 2199


def _in_range(day):
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(day)
    return day


class Text(Described, peewee.CharField):
    """One line of text, at most `max_length` characters (255)."""

    def _parse(self, text, context):
        text = _written(text)
        if len(text) > self.max_length:
            raise ValueError(
                say(
                    "最多{most}个字,现有{found}个",
                    "at most {most} characters, found {found}",
                    most=self.max_length,
                    found=len(text),
                )
            )
        return text


class LongText(Described, peewee.TextField):
    """Text of several lines."""

    kind = "longtext"


class SealedText(Sealed, Described, peewee.TextField):
    """One line of personal text that is sealed in the database: found by equality or by its last four characters."""

    encrypted = True

    def __init__(self, label, *, max_length=255, **kwargs):
        super().__init__(label, **kwargs)
        self.max_length = max_length

    _parse = Text._parse


class IdentityNumber(SealedText):
    """The number of an identity document; sealed. Blanks and small letters make no difference to what is found."""

    seal_kind = keys.IDENTITY

    def __init__(self, label, *, max_length=32, **kwargs):
        super().__init__(label, max_length=max_length, **kwargs)


class Phone(SealedText):
    """A telephone number: digits, with + - ( ) and blanks between; sealed. Only its digits make a difference."""

    kind = "phone"
    seal_kind = keys.PHONE

    def _parse(self, text, context):
        text = super()._parse(text, context)
        digits = sum(character.isdigit() for character in text)
        if not 5 <= digits <= 20 or set(text) - set("0123456789+-() "):
            raise ValueError(say("电话号码应为 5 至 20 位数字", "a phone number has 5 to 20 digits"))
        return text


class Integer(Described, peewee.BigIntegerField):
    """A whole number."""

    kind = "integer"

    def _parse(self, text, context):
        try:
            if isinstance(text, bool) or (isinstance(text, float) and not text.is_integer()):
                raise ValueError(text)
            if not -(2**63) <= int(text) < 2**63:
                raise ValueError(text)
            return int(text)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(say("应为整数,例如 12", "a whole number is wanted, for example 12")) from error


class Money(Described, peewee.DecimalField):
    """An amount in yuan with two decimals; a string in JSON."""

    kind = "money"

    def __init__(self, label, **kwargs):
        super().__init__(label, max_digits=18, decimal_places=2, **kwargs)

    def _parse(self, text, context):
        try:
            value = Decimal(str(text).replace(",", ""))
            if value != value.quantize(Decimal("0.01")) or abs(value) >= Decimal(10) ** 16:
                raise InvalidOperation
        except InvalidOperation as error:
            raise ValueError(say("应为金额,例如 1200.50", "an amount is wanted, for example 1200.50")) from error
        return value

    def as_json(self, value):
        return None if value is None else f"{value:.2f}"


class YesNo(Described, peewee.BooleanField):
    """Yes or no; may be unknown where it is `null`."""

    kind = "yesno"
    WORDS = {
        "true": True,
        "1": True,
        "yes": True,
        "y": True,
        "是": True,
        "false": False,
        "0": False,
        "no": False,
        "n": False,
        "否": False,
    }

    def _parse(self, text, context):
        if isinstance(text, bool):
            return text
        try:
            return self.WORDS[str(text).lower()]
        except KeyError:
            raise ValueError(say("应为 是 或 否", "yes or no is wanted")) from None

    def show(self, value):
        return "" if value is None else say("是", "Yes") if value else say("否", "No")


class Choice(Described, peewee.CharField):
    """One of a list. `choices` maps the stored word to its label in Chinese; English follows from the word."""

    kind = "choice"

    def __init__(self, label, choices, **kwargs):
        super().__init__(label, max_length=64, **kwargs)
        self.options = {
            word: text if isinstance(text, Words) else Words(text, name=word) for word, text in dict(choices).items()
        }

    def _parse(self, text, context):
        text = str(text)
        if text in self.options:
            return text
        for word, label in self.options.items():
            if text in (label.zh, label.en):
                return word
        known = "、".join(f"{word}({label})" for word, label in self.options.items())
        raise ValueError(
            say(
                "没有“{found}”这个选项,可选:{known}", 'no choice "{found}"; there are: {known}', found=text, known=known
            )
        )

    def show(self, value):
        return "" if value is None else str(self.options.get(value, value))


class Moment(Described, peewee.DateTimeField):
    """A moment: aware UTC in Python, one naive UTC form in the database. May be given as a day without an hour."""

    kind = "moment"

    def db_value(self, value):
        return moment_to_db(value)

    def python_value(self, value):
        return moment_from_db(value)

    def _parse(self, text, context):
        """A datetime (aware UTC), or a date where no hour was given. A moment without a zone is the branch's."""
        value = text
        try:
            if not isinstance(value, date):
                value = date.fromisoformat(str(value)) if len(str(value)) <= 10 else datetime.fromisoformat(str(value))
            _in_range(value)
        except ValueError as error:
            raise ValueError(
                say(
                    "不是有效的时间,请写成 2026-03-05 14:30 或 2026-03-05",
                    "not a moment: write 2026-03-05 14:30 or 2026-03-05",
                )
            ) from error
        if isinstance(value, datetime):
            if value.tzinfo is None:
                if context is None:
                    raise ValueError(say("缺少时区", "the offset is missing, as in 2026-03-05T14:30:00+08:00"))
                value = value.replace(tzinfo=context.zone)
            return value.astimezone(UTC)
        return value

    def as_json(self, value):
        return value.isoformat() if value is not None else None


class Day(Described, peewee.DateField):
    """A day of the calendar."""

    kind = "day"

    def _parse(self, text, context):
        if isinstance(text, datetime):
            return (text.astimezone(context.zone) if context is not None and text.tzinfo else text).date()
        try:
            return _in_range(text if isinstance(text, date) else date.fromisoformat(str(text)))
        except ValueError as error:
            raise ValueError(say("不是有效的日期,请写成 2026-03-05", "not a day: write 2026-03-05")) from error

    def as_json(self, value):
        return value.isoformat() if value is not None else None


class Json(Described, peewee.TextField):
    """A small structure kept as JSON text, equal on both databases. Read-only for people."""

    kind = "json"

    def __init__(self, label="", **kwargs):
        super().__init__(label, read_only=True, **kwargs)

    def _parse(self, text, context):
        return text

    def db_value(self, value):
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def python_value(self, value):
        return json.loads(value) if isinstance(value, str) else value

    def as_json(self, value):
        return value

    def show(self, value):
        return (
            ""
            if not value
            else "; ".join(f"{k}: {v}" for k, v in value.items())
            if isinstance(value, dict)
            else str(value)
        )


class SealedJson(Json):
    """A small structure that may hold personal values, as a row that was imported; sealed, and never looked for."""

    encrypted = True

    def db_value(self, value):
        return None if value is None else keys.seal(super().db_value(value), keys.HIDDEN)

    def python_value(self, value):
        return super().python_value(keys.unseal(value) if keys.is_sealed(value) else value)


class Answers(Json):
    """The answers to added questions, by key: those to questions of a sealed kind are sealed one by one."""

    kinds = None  # a function of a record's name: {key: kind} of its sealed questions; set at start by core.start

    def db_value(self, value):
        if not value:
            return super().db_value(value)
        kinds = Answers.kinds(self.model._meta.record)
        return super().db_value({key: _sealed_answer(answer, kinds.get(key)) for key, answer in value.items()})

    def python_value(self, value):
        found = super().python_value(value)
        if isinstance(value, str) and keys.SIGN in value:
            found = {key: keys.unseal(text) if keys.is_sealed(text) else text for key, text in found.items()}
        return found


def _sealed_answer(answer, kind):
    """An answer as it is stored. One that looks like a sealed one is sealed too, so that nobody can put one in."""
    if kind is None and keys.is_sealed(answer):
        kind = keys.HIDDEN
    return answer if answer is None or kind is None else keys.seal(str(answer), kind)


class Ref(Described, peewee.ForeignKeyField):
    """A reference to one row of another model: a record, a person or a department. Deleting the target is refused."""

    kind = "ref"

    def __init__(self, label, model, **kwargs):
        kwargs.setdefault("backref", "+")
        kwargs.setdefault("on_delete", "RESTRICT")
        super().__init__(label, model=model, **kwargs)

    def _parse(self, text, context):
        if isinstance(text, peewee.Model):
            return text.id
        if context is None:
            return int(text)
        return context.find(self.rel_model, text)


class SoftRef(Described, peewee.CharField):
    """A reference to a record of any plugin, kept as "record:id": shown where that plugin is on."""

    kind = "softref"

    def __init__(self, label, **kwargs):
        super().__init__(label, max_length=96, **kwargs)


def moment_to_db(value):
    """An aware moment in the one form that the database stores."""
    if value is None or isinstance(value, str):
        return value
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat(sep=" ", timespec="microseconds")


def moment_from_db(value):
    """An aware UTC moment from what the database gave."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


class MomentColumn(peewee.DateTimeField):
    """A moment in a table of the core's own: aware UTC in Python, one naive UTC form in the database."""

    db_value = staticmethod(moment_to_db)
    python_value = staticmethod(moment_from_db)


class JsonColumn(peewee.TextField):
    """A small structure in a table of the core's own, kept as JSON text."""

    def db_value(self, value):
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)

    def python_value(self, value):
        return json.loads(value) if isinstance(value, str) else value
