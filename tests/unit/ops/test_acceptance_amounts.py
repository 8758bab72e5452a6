"""Amounts in an answer: every Romanian form of a number, and whether the answer agrees with the sums."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.acceptance.amounts import amounts, disagreement

pytestmark = pytest.mark.unit

TOTAL = {"RON": Decimal("4500.00")}


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("4.500 lei", "4500", "RON"),
        ("4.500,50 lei", "4500.50", "RON"),
        ("4 500,50 RON", "4500.50", "RON"),
        ("4\u00a0500 RON", "4500", "RON"),
        ("4\u202f500,5 lei", "4500.5", "RON"),
        ("4500 de lei", "4500", "RON"),
        ("4500.5 RON", "4500.5", "RON"),
        ("4,500.50 RON", "4500.50", "RON"),
        ("1.234.567,89 lei", "1234567.89", "RON"),
        ("RON 4.500", "4500", "RON"),
        ("€ 300", "300", "EUR"),
        ("300 €", "300", "EUR"),
        ("300 de euro", "300", "EUR"),
        ("4,5 mii de lei", "4500", "RON"),
        ("12 mii 500 lei", "12500", "RON"),
        ("1,2 milioane de lei", "1200000", "RON"),
        ("patru mii cinci sute de lei", "4500", "RON"),
        ("o mie două sute lei", "1200", "RON"),
        ("douăzeci și trei de mii patru sute cincizeci și unu de lei", "23451", "RON"),
        ("o sută de lei", "100", "RON"),
        ("un milion de euro", "1000000", "EUR"),
        ("4.500 lei și 50 de bani", "4500.50", "RON"),
        ("**4.500** lei", "4500", "RON"),
        ("**4.500 lei**.", "4500", "RON"),
        ("4.500 LEI", "4500", "RON"),
        ("-4.500 lei", "-4500", "RON"),
        ("între timp 4500lei", "4500", "RON"),
    ],
)
def test_forms_of_an_amount(text: str, value: str, currency: str) -> None:
    (found,) = [one for one in amounts(f"Ana a cheltuit {text}") if one.currency]
    assert (found.values, found.currency) == ({Decimal(value)}, currency)


def test_an_english_thousand_is_one_of_two_meanings() -> None:
    (found,) = amounts("4,500 lei")
    assert found.values == {Decimal(4500), Decimal("4.500")}


def test_dates_and_words_are_no_amounts() -> None:
    text = "Pe 12.06.2027 și 2027-06-13 un client a avut două petreceri, o nuntă și un botez."
    assert amounts(text) == []


def test_several_amounts() -> None:
    found = amounts("Total 4.500 lei: 1.500 lei pe 12.06.2027, 3 000 lei apoi, la 2 evenimente.")
    assert [(sorted(map(str, one.values)), one.currency) for one in found] == [
        (["4500"], "RON"), (["1500"], "RON"), (["3000"], "RON"), (["2"], ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        "Clientul Ana Test a cheltuit în total 4.500 lei.",
        "4.500,00 RON, din care 1.500 lei botezul și 3.000 lei nunta.",
        "Patru mii cinci sute de lei.",
        "A cheltuit 4500 la 2 evenimente.",
        "4,5 mii lei",
    ],
)
def test_answers_that_agree(answer: str) -> None:
    assert disagreement(answer, TOTAL, [Decimal(1500), Decimal(3000)]) is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("A cheltuit 1.500 lei.", "total is 4500.00 RON"),
        ("A cheltuit 4.500 euro.", "total is 4500.00 RON"),
        ("A cheltuit 4,5 lei.", "total is"),
        ("A cheltuit 45.000 lei.", "total is"),
        ("A cheltuit -4.500 lei.", "total is"),
        ("Nu știu.", "no amount"),
        ("A avut 4500 de invitați și a cheltuit 1.500 lei.", "total is"),
        ("A cheltuit 4.500 lei, în medie 2.250 lei pe eveniment.", "2.250 lei"),
    ],
)
def test_answers_that_do_not(answer: str, why: str) -> None:
    assert why in (disagreement(answer, TOTAL, [Decimal(1500), Decimal(3000)]) or "")


def test_each_currency_needs_its_total() -> None:
    totals = {"RON": Decimal(100), "EUR": Decimal(200), "USD": Decimal(0)}
    assert disagreement("100 lei și 200 de euro", totals, []) is None
    assert disagreement("100 lei", totals, []) is not None
    assert disagreement("100 de euro și 200 lei", totals, []) is not None


def _romanian(cents: int) -> str:
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02}"


@given(st.integers(0, 10**11))
def test_what_is_written_in_romanian_is_read_again(cents: int) -> None:
    (found,) = amounts(f"Suma: {_romanian(cents)} lei.")
    assert found.values == {Decimal(cents) / 100}


@given(st.text(alphabet="0123456789., -mieleironsutabani€*\u00a0", max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    for one in amounts(text):
        assert one.values
