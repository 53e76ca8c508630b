"""How the columns of a file become the fields of a record, bound to the columns of one file."""

from dataclasses import dataclass, field

from core.language import say
from core.transfer.reading import Unreadable, refused
from core.transfer.sources import as_kept


@dataclass
class Mapping:
    """What stands in a mapping, bound to the columns of one file by `bind`."""

    sources: list = field(default_factory=list)
    constants: dict = field(default_factory=dict)
    placeholders: dict = field(default_factory=dict)
    responsible: dict = field(default_factory=dict)
    number: str | None = None
    others: str | None = None
    gaps: tuple = ()
    is_numbered: bool = False  # every row must have a number

    def bind(self, sheet):
        """Find the columns in the file. Raises Refused that names each one missing."""
        places = {name: place for place, name in enumerate(sheet.headers)}
        wanted = dict.fromkeys([*([self.number] if self.number else []), *(s.column for s in self.sources)])
        missing = [name for name in wanted if name not in places]
        if missing:
            raise refused(
                sheet.path,
                "缺少列:{missing}。文件里有:{found}。请补上这些列,或换用合适的对应关系(mapping)",
                "columns are missing: {missing}. The file has: {found}. Add them, or use a mapping that fits",
                missing="、".join(missing),
                found="、".join(sheet.headers),
            )
        self._bound = [(source.field, source.take, places[source.column]) for source in self.sources]
        self._number = None if self.number is None else places[self.number]
        held = {self.number, *(source.column for source in self.sources if source.holds)}
        self._others = [(name, place) for name, place in places.items() if name not in held] if self.others else []
        self._headers = sheet.headers

    @property
    def compared(self):
        """The fields that come from the file, so that a row can be told equal to what is there."""
        return [source.field for source in self.sources if source.field != "branch"] + [self.others] * bool(self.others)

    def column_of(self, name):
        """The column that a field is taken from; "" where it is none."""
        if name == "number":
            return self.number or ""
        return next((source.column for source in self.sources if source.field == name), "")

    def take(self, cells):
        """The raw values of a row by field name, with its faults as (field, column, cell, sentence)."""
        values, faults = dict(self.constants), []
        for cell, column in zip(cells, self._headers, strict=True):
            if type(cell) is Unreadable:
                faults.append(("", column, cell, cell.why))
        if faults:
            return values, faults
        if self._number is not None:
            values["number"] = str(cells[self._number]).strip()
            if not values["number"]:
                del values["number"]
                if self.is_numbered:
                    faults.append(("number", self.number, "", say("请填写编号", "the number is needed")))
        for name, take, place in self._bound:
            try:
                values[name] = take(cells[place])
            except ValueError as error:
                faults.append((name, self._headers[place], cells[place], str(error)))
        if self.others:
            values[self.others] = {name: as_kept(cells[place]) for name, place in self._others}
        return values, faults
