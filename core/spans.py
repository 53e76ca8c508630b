"""The grammar of limits: "3 business days", "30 minutes", "22nd of next month", read once into a `Span`."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from core.errors import Refused
from core.language import say

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKDAYS_ZH = ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "business minute": 60, "business hour": 3600}
UNITS_ZH = {
    "second": "秒",
    "minute": "分钟",
    "hour": "小时",
    "day": "天",
    "business minute": "工作分钟",
    "business hour": "个工作小时",
    "business day": "个工作日",
}
PERIODS_ZH = {"month": ("当月", "次月"), "quarter": ("本季度", "下季度"), "year": ("本年", "次年")}

_NTH = r"(?P<number>[1-9][0-9]?)(?:st|nd|rd|th)"
_OF = r"of (?P<which>the|this|next) (?P<period>month|quarter|year)"
_OF_MONTH = r"of (?P<which>the|this|next) (?P<period>month)"
_FORMS = {
    "amount": r"(?P<number>[1-9][0-9]{0,5}) (?P<unit>(?:business )?(?:day|hour|minute)|second|ring)s?"
    r"(?: before (?P<before>[a-z_][a-z0-9_.]*))?",
    "promised": r"promised",
    "nth day": rf"{_NTH} {_OF_MONTH}",
    "last day": rf"last day {_OF}",
    "nth business day": rf"(?:{_NTH}|last) business day {_OF}",
    "weekday before": rf"(?P<weekday>{'|'.join(WEEKDAYS)}) (?P<on>on or )?before the {_NTH}(?: {_OF_MONTH})?",
    "business day before": rf"business day (?P<on>on or )?before the {_NTH}(?: {_OF_MONTH})?",
}
_FORMS = {form: re.compile(pattern, re.IGNORECASE) for form, pattern in _FORMS.items()}


@dataclass(frozen=True)
class Span:
    """One limit as it was written.

    `unit` is second, minute, hour, day, business minute, business hour, business day or ring for what is counted;
    promised; nth day or nth business day (of a month, quarter or year); weekday before or business day before (the
    nth of a month). `number` counts the units or names the day; -1 is the last.
    """

    text: str
    unit: str
    number: int = 0
    before: str = ""  # "1 business day before X": the field X that it is counted back from
    period: str = ""  # month, quarter or year that a named day belongs to
    ahead: int = 0  # 0 is the period of the start, 1 the next
    weekday: int = 0  # Monday is 0
    inclusive: bool = False  # "on or before"

    def __str__(self):
        return self.text

    @property
    def is_business(self):
        """Whether it is counted in business time, so that yellow is a share of business time too."""
        return self.unit.startswith("business") or self.unit == "nth business day"

    @property
    def is_timed(self):
        """Whether it is counted in hours, minutes or seconds rather than in days."""
        return self.unit in SECONDS

    @property
    def length(self):
        """How long a timed limit runs."""
        return timedelta(seconds=self.number * SECONDS[self.unit])

    @property
    def label(self):
        """The limit in the language that speaks now, for people."""
        return say(_chinese(self), self.text)


@lru_cache(maxsize=4096)
def parse(text):
    """The `Span` that `text` says; capitals and extra spaces do not matter. Raises Refused where it says none."""
    written = " ".join(str(text).split())
    for form, pattern in _FORMS.items():
        match = pattern.fullmatch(written)
        if match:
            span = _span(form, match.groupdict())
            if span:
                return span
    raise Refused(
        say(
            "看不懂时限“{text}”。请写成例如:3 business days、30 minutes、4 business hours、10 days、"
            "5th business day of next month、1 business day before due_on。",
            'The limit "{text}" cannot be read. Write, for example: 3 business days, 30 minutes, 4 business hours, '
            "10 days, 5th business day of next month, 1 business day before due_on.",
            text=written,
        )
    )


def _span(form, said):
    """The Span of one form with its canonical text; None where the words fit and the sense does not."""
    number = int(said.get("number") or -1)
    if form == "amount":
        return _amount(number, said["unit"].lower(), said["before"] or "")
    if form == "promised":
        return Span("promised", "promised")
    period = (said["period"] or "month").lower()
    ahead = int((said["which"] or "the").lower() == "next")
    of = f"of {'next' if ahead else 'the'} {period}"
    if form == "last day":
        return Span(f"last day {of}", "nth day", -1, period=period, ahead=ahead)
    if form == "nth business day":
        return Span(f"{_ordinal(number)} business day {of}", form, number, period=period, ahead=ahead)
    if number > 31:
        return None
    if form == "nth day":
        return Span(f"{_ordinal(number)} {of}", form, number, period=period, ahead=ahead)
    weekday = [day.lower() for day in WEEKDAYS].index(said["weekday"].lower()) if said.get("weekday") else 0
    what = WEEKDAYS[weekday] if said.get("weekday") else "business day"
    text = f"{what} {'on or ' if said['on'] else ''}before the {_ordinal(number)}{' of next month' * ahead}"
    return Span(text, form, number, period=period, ahead=ahead, weekday=weekday, inclusive=bool(said["on"]))


def _amount(number, unit, before):
    if before and unit in ("ring", "business hour", "business minute"):
        return None  # our choice: these are not counted backwards; hours and minutes are
    text = f"{number} {unit}{'s' if number > 1 else ''}{f' before {before}' if before else ''}"
    return Span(text, unit, number, before=before)


def _ordinal(number):
    if number == -1:
        return "last"
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _chinese(span):
    if span.unit == "promised":
        return "承诺时间"
    if span.unit == "ring":
        return f"响铃 {span.number} 声"
    if span.unit in UNITS_ZH:
        return f"{f'{span.before} 前 ' if span.before else ''}{span.number} {UNITS_ZH[span.unit]}"
    whose = PERIODS_ZH[span.period][span.ahead]
    if span.unit == "nth day":
        return f"{whose}最后一日" if span.number == -1 else f"{whose} {span.number} 日"
    if span.unit == "nth business day":
        return f"{whose}最后一个工作日" if span.number == -1 else f"{whose}第 {span.number} 个工作日"
    what = WEEKDAYS_ZH[span.weekday] if span.unit == "weekday before" else "工作日"
    return f"{whose} {span.number} 日{'或之前' if span.inclusive else '之前'}的最后一个{what}"
