"""What is shown says what is stored, and holds nothing that commands a terminal, a page or a sheet."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from storage.markdown import in_markdown, without_markdown
from storage.printable import ascii_json, printable, printable_cell, printable_json, printable_lines
from tests.nasty_names import HIDDEN, names, stored

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[dbo].[orders] :x: [/]", "[dbo].[orders] :x: [/]"),
        ("red\x1b[31m\x07", r"red\x1b[31m\x07"),
        ("two\r\nlines\u2028and\u2029more\x85", r"two\x0d\x0alines\u2028and\u2029more\x85"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("ord\u200bers\ufeff", r"ord\u200bers\ufeff"),
        ("\ud800\U000e0041", r"\ud800\U000e0041"),
        ("שלום العربية 日本 é", "שלום العربية 日本 é"),
        ("👩🏽\u200d💻 ❤\ufe0f نم\u200cکن", "👩🏽\u200d💻 ❤\ufe0f نم\u200cکن"),
        ("web\u200c-1\ufe0f", r"web\u200c-1\ufe0f"),
        (r"C:\data\new \d+", r"C:\data\new \d+"),
        (r"\x1b \u202e \\x1b", r"\x5cx1b \x5cu202e \\x5cx1b"),
        ("\\\x1b", r"\\x1b"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert stored(shown) == text


@given(names | st.text(st.characters()))
def test_every_text_is_shown_in_one_way_that_tells_it(text: str) -> None:
    shown = printable(text)
    assert stored(shown) == text
    assert not HIDDEN.search(shown)
    assert stored(printable_lines(text)) == text


@given(names)
def test_json_says_the_same(text: str) -> None:
    written = json.dumps({text: [text]}, ensure_ascii=False, indent=1)
    shown = printable_json(written)
    assert json.loads(shown) == json.loads(ascii_json(shown)) == {text: [text]}
    assert not HIDDEN.search(shown.replace("\n", ""))
    assert ascii_json(shown).isascii()


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "'=1", '"=1', "\t=1", "\tx", "\rx", "\uff1d1", "\n-1+2", "-"]
)
def test_a_formula_is_none_in_a_sheet(text: str) -> None:
    assert printable_cell(text).startswith("'")
    assert stored(printable_cell(text)[1:]) == text


@pytest.mark.parametrize("text", ["-1", "+1.5e-3", ".5", "1=1", "a@b", "O'Brien", ""])
def test_a_plain_number_and_a_plain_text_stay(text: str) -> None:
    assert printable_cell(text) == text


def text_of(tokens: list[Token]) -> str:
    """The text of a paragraph's parts; anything but text fails, save a comment that nobody sees."""
    parts = [part for part in tokens if (part.type, part.content) != ("html_inline", "<!---->")]
    assert {part.type for part in parts} <= {"text", "text_special"}, parts
    return "".join(part.content for part in parts)


def paragraph(markdown: str) -> str:
    tokens = READER.parse(markdown)
    assert [token.type for token in tokens] in (["paragraph_open", "inline", "paragraph_close"], []), tokens
    return text_of(tokens[1].children or []) if tokens else ""


@given(names)
def test_markdown_shows_it(text: str) -> None:
    assert stored(paragraph(in_markdown(text))) == text
    cells = [token.children or [] for token in READER.parse(f"| a |\n|---|\n| {in_markdown(text)} |") if token.type == "inline"]
    assert [stored(text_of(cell)) for cell in cells] == ["a", text]


@given(names)
def test_without_markdown_it_reads_the_same_with_and_without_markdown(text: str) -> None:
    shown = without_markdown(text)
    assert stored(shown) == text == stored(paragraph(shown))


@pytest.mark.parametrize("text", ["[dbo].[orders]", "orders_full of crm_eu", "scan-07 (2 of 3): 91.4%", "a * b", "bob@example.com"])
def test_common_names_stay_as_they_are_in_a_table(text: str) -> None:
    assert without_markdown(text) == text


@pytest.mark.parametrize("text", ["http://e.example/a", "https://e.example", "www.e.example", "a@e.example", "HTTP://E.example"])
def test_no_address_stands_whole_in_a_part_of_a_page(text: str) -> None:
    """Prefect's UI makes links of the parts that a page's parser leaves, whatever was escaped in them."""
    parts = READER.parse(in_markdown(f"see {text} now"))[1].children or []
    assert text_of(parts) == f"see {text} now"
    assert not any(re.search(r"https?://|www\.|\w@\w", part.content, re.IGNORECASE) for part in merged(parts))


def merged(parts: list[Token]) -> list[Token]:
    """Texts side by side are one."""
    whole: list[Token] = []
    for part in parts:
        if whole and whole[-1].type != "html_inline" != part.type:
            whole[-1].content += part.content
        else:
            whole.append(part.copy())
    return whole
