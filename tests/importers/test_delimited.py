from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decrochage_risk.errors import UnreadableExportError
from decrochage_risk.importers.cells import day_of, flag_of, fold_name, moment_of, number_of
from decrochage_risk.importers.delimited import decode, is_spreadsheet, read_delimited

TEXT = "Nom;Prénom;Classe;Note\nÉPREUVE;Inès;2PRO1;12,5\nD'ESSAI;Léo;3 A;8\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "iso-8859-15"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_encoding_and_separator_change_nothing(encoding: str, separator: str) -> None:
    """The same table in any encoding and separator that exports use gives the same cells and lines."""
    text = TEXT.replace(",5", ".5").replace(";", separator)
    table = read_delimited(text.encode(encoding))
    assert table.header == ("NOM", "PRENOM", "CLASSE", "NOTE")
    assert table.frame.to_numpy().tolist() == [
        ["ÉPREUVE", "Inès", "2PRO1", "12.5"],
        ["D'ESSAI", "Léo", "3 A", "8"],
    ]
    assert table.lines.tolist() == [2, 3]


def test_a_last_separator_on_some_lines_is_no_column() -> None:
    """Rows with n or n + 1 cells are the same; any other length is left out with its line."""
    table = read_delimited(b"A;B;\n1;2;\n3;4\n5;6;7;8\n9;10;\n")
    assert table.header == ("A", "B")
    assert table.frame[1].tolist() == ["2", "4", "10"]
    assert table.left_out == {"wrong_length": [4]}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["12,5/20,0", "Abs", "8,25"]), st.sampled_from(["", "grippe, toux, fièvre"])
        ),
        min_size=1,
    )
)
def test_commas_of_numbers_and_sentences_are_no_separators(cells: list[tuple[str, str]]) -> None:
    """Bug 13: a table with semicolons is never read as one of commas, however many its cells hold."""
    rows = "".join(f"ÉPREUVE;{mark};{mark};{motive};\n" for mark, motive in cells)
    table = read_delimited(f"Nom;Maths;Français;Motif;\n{rows}".encode(), expected=("Nom", "Maths"))
    assert table.header == ("NOM", "MATHS", "FRANCAIS", "MOTIF")
    assert table.frame[1].tolist() == [mark for mark, _ in cells]


def test_titles_totals_and_footers_are_no_rows() -> None:
    """Title lines before the header, totals, class means and a footer are left out, counted with their lines."""
    text = "Extraction 2024\nFaite le 15/03/2025\n\nNom,Classe,DJ\nA,3 A,1\nTotal,,1\nMoyenne de la classe,,2\nEdité par X\n"
    table = read_delimited(text.encode(), expected=("Nom", "Classe", "DJ"))
    assert table.titles == ("Extraction 2024", "Faite le 15/03/2025")
    assert table.frame.to_numpy().tolist() == [["A", "3 A", "1"]]
    assert table.left_out == {"total_row": [6, 7], "footer": [8]}
    assert table.rows_read == 4


def test_two_header_rows_carry_the_group_to_the_right() -> None:
    """The row above the header names the groups of columns; each runs until the next."""
    text = "3E A;;;MATHS;;EPS;\nNom;S.;Classe;Moy.;Abs;Moy.;Abs\nX;;3E A;12,4;;15;2\n"
    table = read_delimited(text.encode(), expected=("Nom", "Classe"))
    assert table.groups == ("3E A", "3E A", "3E A", "MATHS", "MATHS", "EPS", "EPS")
    assert table.header[3:] == ("MOY", "ABS", "MOY", "ABS")


def test_headers_are_found_past_blanks_accents_and_apostrophes() -> None:
    """Bugs 8 and 12: " Cycle", "Libellé\u00a0\u00a0Option", a lost apostrophe: the column is found all the same."""
    table = read_delimited("Nom; Cycle;Libellé\u00a0\u00a0Option;Nom d’usage\na;b;c;d\n".encode())
    assert [table.position(name) for name in ("Cycle", "Libelle Option", "Nom d'usage")] == [1, 2, 3]


def test_lines_of_separators_alone_are_blank() -> None:
    """Bug 12: a line that holds nothing but separators is no row."""
    assert read_delimited(b"A;B\n;\n1;2\n;;;\n").frame.to_numpy().tolist() == [["1", "2"]]


def test_a_quoted_newline_keeps_line_numbers() -> None:
    """A cell that holds a line end does not shift the numbers of the lines after it."""
    assert read_delimited(b'A;B\n"x\ny";1\nz;2\n').lines.tolist() == [2, 4]


ROWS = 12


@given(st.data())
def test_a_stray_quote_never_joins_the_rows_that_follow_it(data: st.DataObject) -> None:
    """One quote or several that do not hold together, wherever they stand: every row is read as it was, or the file is refused."""
    whole = [[f"N{row}", f"P{row}", "3 A", f"0{row % 9}/11/2024", "grippe"] for row in range(ROWS)]
    places = data.draw(
        st.lists(
            st.tuples(
                st.integers(0, ROWS - 1), st.integers(0, 4), st.sampled_from(["first", "last", "inside"])
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda place: place[:2],
        )
    )
    written = [list(row) for row in whole]
    for row, column, where in places:
        cell = written[row][column]
        written[row][column] = {"first": f'"{cell}', "last": f'{cell}"', "inside": f'{cell[0]}"{cell[1:]}'}[
            where
        ]
    text = "Nom;Prénom;Classe;Du;Motif\n" + "\n".join(map(";".join, written)) + "\n"
    try:
        table = read_delimited(text.encode(), expected=("Nom", "Du"))
    except UnreadableExportError as error:
        refusal: str | None = error.french
    else:
        refusal = None
    if refusal is not None:
        assert "guillemet" in refusal
        return
    read = {int(line): row for line, row in zip(table.lines, table.frame.to_numpy().tolist(), strict=True)}
    broken = {line for lines in table.left_out.values() for line in lines}
    # Header on line 1: each row stands on its own line, read or counted.
    assert set(read) | broken == set(range(2, 2 + ROWS))
    for line, row in read.items():
        assert [cell.replace('"', "") for cell in row] == whole[line - 2]
    marked = {row + 2 for row, _, _ in places}
    assert broken <= marked


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quote_that_is_never_closed_is_refused_with_its_line(separator: str, end: str) -> None:
    """The rows after it would be the text of one cell: the refusal says on which line it opens, in both languages."""
    rows = ["Nom;Classe;Motif", "A;3 A;toux", 'B;3 A;"grippe', "C;3 A;rhume", "D;3 A;toux"]
    text = end.join(rows).replace(";", separator)
    with pytest.raises(UnreadableExportError, match="line 3: a quote is never closed") as error:
        read_delimited(text.encode())
    assert "ligne 3" in error.value.french


def test_a_quote_closed_some_rows_later_is_refused_and_a_text_of_several_lines_is_not() -> None:
    """Two stray quotes hold together by chance around whole rows; a cell that holds line ends and separators does not."""
    head = "Nom;Classe;Du;Motif\n"
    joined = 'A;3 A;05/11/2024;"toux\nB;3 A;06/11/2024;\nC;3 A;07/11/2024;rhume"\nD;3 A;08/11/2024;\n'
    with pytest.raises(UnreadableExportError, match="line 2: a quote is closed some rows later"):
        read_delimited((head + joined).encode())
    told = 'A;3 A;05/11/2024;"toux; fièvre\nau lit; deux jours"\nD;3 A;08/11/2024;\n'
    assert read_delimited((head + told).encode()).lines.tolist() == [2, 4]
    first = '"toux; fièvre\nau lit";A;3 A;05/11/2024\n;D;3 A;08/11/2024\n'
    assert read_delimited(("Motif;Nom;Classe;Du\n" + first).encode()).lines.tolist() == [2, 4]


def test_where_the_software_writes_no_quotes_a_quote_is_a_letter() -> None:
    """A list without quotes of its own loses no row to them; saved again with quotes round every cell, it is read by these."""
    head = "Nom,Classe,Type,Motif\n"
    rows = 'A,3 A,"Absence, longue,oui\nB,3 A,Absence,non\nC,3 A,"Absence,oui\nD,3 A,Retard",non\n'
    table = read_delimited(
        (head + rows).encode(), expected=("Nom", "Type"), unquoted=True, open_column=("Type",)
    )
    assert table.frame.to_numpy().tolist() == [
        ["A", "3 A", '"Absence, longue', "oui"],
        ["B", "3 A", "Absence", "non"],
        ["C", "3 A", '"Absence', "oui"],
        ["D", "3 A", 'Retard"', "non"],
    ]
    assert table.left_out == {}
    again = '"Nom","Classe","Type","Motif"\n"A","3 A","Absence, longue","oui"\n"B","3 A","Absence","non"\n'
    saved = read_delimited(again.encode(), expected=("Nom", "Type"), unquoted=True, open_column=("Type",))
    assert saved.frame[2].tolist() == ["Absence, longue", "Absence"]
    with pytest.raises(UnreadableExportError):
        read_delimited(again.replace('"non"', '"non').encode(), unquoted=True)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00\x01\x02\x00\x00\x00\x00\x00\x00"])
def test_what_is_no_table_is_refused_in_french_and_english(content: bytes) -> None:
    """Nothing, and bytes that are no text, are refused with a message for programs and a sentence for the school."""
    with pytest.raises(UnreadableExportError) as error:
        read_delimited(content)
    assert "Hint:" in str(error.value)
    assert error.value.french


def test_a_cut_utf16_is_refused() -> None:
    """UTF-16 that ends within a character is a cut file."""
    with pytest.raises(UnreadableExportError):
        decode(b"\xff\xfe" + "Nom;Classe".encode("utf-16-le")[:-1])


def ods(cells: list[list[str]]) -> bytes:
    """Write the smallest spreadsheet that a reader of .ods accepts."""
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in cells
    )
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Données">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
        "</manifest:manifest>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return packed.getvalue()


def test_a_spreadsheet_is_a_table_like_any_other() -> None:
    """The cells of a sheet are read as those of a text, under the same header rules."""
    content = ods([["Extraction du jour", "", ""], ["Nom", "Classe", "DJ"], ["A", "3 A", "2"]])
    assert is_spreadsheet(content)
    table = read_delimited(content, expected=("Nom", "Classe"))
    assert (table.sheet, table.header, table.frame.to_numpy().tolist()) == (
        "Données",
        ("NOM", "CLASSE", "DJ"),
        [["A", "3 A", "2"]],
    )
    with pytest.raises(UnreadableExportError):
        read_delimited(content[:200] + content[260:])


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31)))
def test_every_way_of_writing_a_day_is_the_same_day(day: date) -> None:
    """05/11/2024, 5/11/24, 2024-11-05, a serial, with a time after it: one day."""
    serial = (day - date(1899, 12, 30)).days
    ways = [
        f"{day:%d/%m/%Y}",
        f"{day.day}/{day.month}/{day:%y}",
        day.isoformat(),
        str(serial),
        f"{day:%d/%m/%Y} - 08:00",
    ]
    assert {day_of(way) for way in ways} == {day}
    assert moment_of(f"{day:%d/%m/%y} 08h05").time().isoformat() == "08:05:00"


@given(st.floats(min_value=-1e6, max_value=1e6, allow_nan=False).map(lambda value: round(value, 2)))
def test_a_number_is_read_with_comma_or_point_and_blanks(value: float) -> None:
    """A decimal comma, a point and thousands with a no-break space are the same number."""
    text = f"{value:,.2f}"
    assert number_of(text.replace(",", "\u202f").replace(".", ",")) == value
    assert number_of(text.replace(",", "")) == value


@pytest.mark.parametrize("word", ["Abs", "Disp", "NN", "|6", "—", "", "undefined/20", "NaN/20", "NaN", "inf"])
def test_what_is_no_number_is_none(word: str) -> None:
    """Bugs 10 and 11: words in place of a number, "undefined/20" and "NaN/20" are never a number."""
    assert number_of(word) is None


def test_the_negative_is_looked_for_first() -> None:
    """The words "Injustifiée" and "Non justifiée" hold "justifiée" and mean the contrary."""
    assert [flag_of(word) for word in ("Injustifiée", "Non justifiée", "Justifiée", "OUI", "faux")] == [
        False,
        False,
        True,
        True,
        False,
    ]


@given(st.text(alphabet="AÀÉÊËÎÏÔÙÛÜŸÇŒaàéêëîïôùûüÿçœ'’- \u00a0", max_size=12))
def test_folding_twice_is_folding_once(text: str) -> None:
    """A folded name is its own folding, and case, blanks and hyphens do not count."""
    assert fold_name(fold_name(text)) == fold_name(text)
    assert fold_name(text.replace("-", " ")) == fold_name(text)
