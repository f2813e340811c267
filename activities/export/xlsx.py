"""A workbook written in one pass onto a stream that cannot be rewound: no temporary files, no memory of rows.

`xlsxwriter` in its mode for constant memory writes each sheet into a temporary file and reads it again at the end, needs
a seekable file, and takes about six times as long (docs/benchmarks.md): it takes cells one by one, where a batch of rows
can be turned into XML column by column. An export needs little of the format: sheets, seven formats of numbers, text in
the cells themselves. Cells carry no addresses, which are optional; they count from the left.

`zipfile` writes a member's sizes after its content, as the format allows for streams. No member reaches the 2 GiB beyond
which that needs the fields of ZIP64, see `activities.export.limits`.
"""

import zipfile
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Protocol, Self, cast

from activities.export.text_cells import escaped

LEVEL = 5
"""The level of compression: for XML like this, level 6 makes files as large and takes half as long again."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Every member that is not named is a sheet: their number is unknown when this, the first member, is written.
_CONTENT_TYPES = (
    f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
)
_ROOT = (
    f'{_HEAD}<Relationships xmlns="{_RELATIONS}">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_FORMATS = (
    "yyyy\\-mm\\-dd",
    "hh:mm:ss",
    "hh:mm:ss.000",
    "yyyy\\-mm\\-dd\\ hh:mm:ss",
    "yyyy\\-mm\\-dd\\ hh:mm:ss.000",
    "yyyy\\-mm\\-dd\\ hh:mm:ss&quot;Z&quot;",
    "yyyy\\-mm\\-dd\\ hh:mm:ss.000&quot;Z&quot;",
)
_FIRST_FORMAT = 164  # below are Excel's own
# By number: 0 nothing special, 1 column names, 2 to 8 the formats above, 9 text that stays text when it is edited.
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="{len(_FORMATS)}">'
    + "".join(f'<numFmt numFmtId="{n}" formatCode="{code}"/>' for n, code in enumerate(_FORMATS, _FIRST_FORMAT))
    + '</numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    "</fills><borders><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    f'<cellXfs count="{len(_FORMATS) + 3}"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1" quotePrefix="1"/>'
    + "".join(
        f'<xf numFmtId="{n}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for n in range(_FIRST_FORMAT, _FIRST_FORMAT + len(_FORMATS))
    )
    + '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" quotePrefix="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_SHEET_END = b"</sheetData></worksheet>"


class Stream(Protocol):
    """The target of a workbook: a stream that only grows."""

    def write(self, data: bytes, /) -> int:
        """Write all of it."""
        ...

    def flush(self) -> None:
        """Flush, as files do."""
        ...


class _Detachable:
    """A stream that can be detached from writers whose finalizers would still write to it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.detached = False

    def write(self, data: bytes) -> int:
        return len(data) if self.detached else self._stream.write(data)

    def flush(self) -> None:
        if not self.detached:
            self._stream.flush()


class Workbook:
    """A workbook under construction: one sheet after another; complete at the end of the block, if that ends well."""

    def __init__(self, stream: Stream) -> None:
        self._stream = _Detachable(stream)
        self._zip = zipfile.ZipFile(
            cast("IO[bytes]", self._stream), "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL, allowZip64=False
        )
        self._sheets: list[str] = []
        self._sheet: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Write the first members."""
        self._whole("[Content_Types].xml", _CONTENT_TYPES)
        self._whole("_rels/.rels", _ROOT)
        self._whole("xl/styles.xml", _STYLES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the last members, or nothing more."""
        if kind is None:
            self._bind()
        else:
            self._stream.detached = True
            if self._sheet is not None:
                self._sheet.close()
        self._zip.close()

    def begin_sheet(self, name: str, columns: Sequence[str], widths: Sequence[int]) -> None:
        """Begin a sheet whose first row, which stays in sight, names the columns; widths are in characters."""
        self._sheets.append(name)
        self._sheet = self._member(f"xl/worksheets/sheet{len(self._sheets)}.xml")
        self._sheet.write(_sheet_head(columns, widths, first=len(self._sheets) == 1).encode())

    def write(self, rows: bytes) -> None:
        """Write rows of the sheet, as XML."""
        assert self._sheet is not None, "no sheet is begun"  # noqa: S101
        self._sheet.write(rows)

    def end_sheet(self) -> None:
        """End the sheet."""
        assert self._sheet is not None, "no sheet is begun"  # noqa: S101
        self._sheet.write(_SHEET_END)
        self._sheet.close()
        self._sheet = None

    def _bind(self) -> None:
        """Write the members that bind the sheets into a workbook."""
        sheets = "".join(
            f'<sheet name="{escaped(name).replace(chr(34), "&quot;")}" sheetId="{n}" r:id="rId{n}"/>'
            for n, name in enumerate(self._sheets, 1)
        )
        self._whole(
            "xl/workbook.xml",
            f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
            f"<sheets>{sheets}</sheets></workbook>",
        )
        relations = "".join(
            f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(self._sheets) + 1)
        )
        styles = f'<Relationship Id="rId{len(self._sheets) + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        self._whole(
            "xl/_rels/workbook.xml.rels",
            f'{_HEAD}<Relationships xmlns="{_RELATIONS}">{relations}{styles}</Relationships>',
        )

    def _member(self, name: str) -> IO[bytes]:
        return self._zip.open(name, "w")

    def _whole(self, name: str, content: str) -> None:
        with self._member(name) as member:
            member.write(content.encode())


def _sheet_head(columns: Sequence[str], widths: Sequence[int], *, first: bool) -> str:
    selected = ' tabSelected="1"' if first else ""
    cols = "".join(f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>' for n, width in enumerate(widths, 1))
    names = "".join(
        f'<c s="1" t="inlineStr"><is><t xml:space="preserve">{escaped(name)}</t></is></c>' for name in columns
    )
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView{selected} workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"{f'<cols>{cols}</cols>' if cols else ''}<sheetData><row>{names}</row>"
    )
