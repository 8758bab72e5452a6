"""Amounts of money in an answer in Romanian: "4.500 lei", "4 500,50 RON", "4,5 mii de lei", "o mie de lei".

A point or a space between groups of three digits separates thousands, and a comma decimals, as in Romania. A
model also writes the English forms: "4,500.50" has one meaning, and "4,500" two, of which either may agree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

_SPACE = "[ \u00a0\u202f\u2009]"
_NUMBER = (
    rf"(?<![\w.,])-?(?:\d{{1,3}}(?:[.'\u2019]\d{{3}}|{_SPACE}\d{{3}}(?!\d))+(?:,\d{{1,2}})?"  # 4.500,50
    r"|\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?"  # 4,500.50
    r"|\d+(?:[.,]\d+)?)(?![\d])"  # 4500.5
)
_CURRENCIES = {"lei": "RON", "leu": "RON", "ron": "RON", "eur": "EUR", "euro": "EUR", "€": "EUR"}
_CURRENCY = r"(?:lei\b|leu\b|ron\b|euro\b|eur\b|€)"
_SCALES = {"mie": 1000, "mii": 1000, "k": 1000, "milion": 10**6, "milioane": 10**6}
_SCALE = rf"(?P<scale>{'|'.join(sorted(_SCALES, key=len, reverse=True))})\b"
_UNITS = {
    "zero": 0, "un": 1, "o": 1, "unu": 1, "una": 1, "doi": 2, "doua": 2, "trei": 3, "patru": 4, "cinci": 5,
    "sase": 6, "sapte": 7, "opt": 8, "noua": 9, "zece": 10, "unsprezece": 11, "doisprezece": 12,
    "douasprezece": 12, "treisprezece": 13, "paisprezece": 14, "patrusprezece": 14, "cincisprezece": 15,
    "saisprezece": 16, "saptesprezece": 17, "optsprezece": 18, "nouasprezece": 19, "douazeci": 20,
    "treizeci": 30, "patruzeci": 40, "cincizeci": 50, "saizeci": 60, "saptezeci": 70, "optzeci": 80,
    "nouazeci": 90,
}  # fmt: skip
_HUNDREDS = ("suta", "sute")
_WORD = "|".join(sorted({*_UNITS, *_HUNDREDS, *_SCALES}, key=len, reverse=True))
_WORDS = rf"\b(?:{_WORD})\b(?:{_SPACE}+(?:si{_SPACE}+|de{_SPACE}+(?=mii|milioane))?(?:{_WORD})\b)*"
_AMOUNT = re.compile(
    rf"(?:(?P<before>{_CURRENCY}){_SPACE}*)?"
    rf"(?:(?P<number>{_NUMBER})(?:{_SPACE}*(?:de{_SPACE}+)?{_SCALE}(?:{_SPACE}+(?P<rest>\d{{1,3}})(?!\d))?)?"
    rf"|(?P<words>{_WORDS}))"
    rf"(?:{_SPACE}*-?(?:de{_SPACE}+)?(?P<after>{_CURRENCY})"
    rf"(?:{_SPACE}+(?:si{_SPACE}+)?(?P<bani>\d{{1,2}}){_SPACE}+(?:de{_SPACE}+)?bani\b)?)?"
)
_MARKUP = re.compile(r"[*_`]+")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b")


@dataclass(frozen=True)
class Money:
    """An amount in a text.

    Args:
        values: what it can mean; one value, but for "4,500".
        currency: RON or EUR; "" if the text names none.
        text: as it is written.
    """

    values: frozenset[Decimal]
    currency: str
    text: str


def amounts(text: str) -> list[Money]:
    """The amounts in a text, and the other numbers (without a currency), but no dates.

    Example:
        >>> [(sorted(one.values), one.currency) for one in amounts("4.500,50 lei la 2 petreceri")]
        [([Decimal('4500.50')], 'RON'), ([Decimal('2')], '')]
    """
    plain = _DATE.sub(" ; ", _without_diacritics(_MARKUP.sub("", text)).lower())
    found: list[Money] = []
    for match in _AMOUNT.finditer(plain):
        symbol = match["after"] or match["before"]
        if match["words"] is not None:
            if symbol is None:
                continue  # "o", "un", "doi" are also ordinary words
            values = {_spoken(match["words"])}
        else:
            values = _scaled(_values(match["number"]), match["scale"], match["rest"])
        cents = Decimal(match["bani"] or 0) / 100
        currency = _CURRENCIES[symbol] if symbol else ""
        found.append(Money(frozenset(value + cents for value in values), currency, match[0].strip()))
    return found


def disagreement(answer: str, totals: Mapping[str, Decimal], parts: Iterable[Decimal]) -> str | None:
    """Why an answer does not agree with a client's sums; None if it does.

    It agrees if it names the total of each currency, and no amount of money that is neither a total nor the
    amount of one event: such an amount was made up. A number without a currency counts as the total only
    where no amount has one.

    Args:
        answer: the text.
        totals: currency -> total; totals of zero are not expected in the answer.
        parts: the amounts of the events.
    """
    found = amounts(answer)
    money = [one for one in found if one.currency]
    for currency, total in totals.items():
        if not total:
            continue
        named = [one for one in (money or found) if one.currency in (currency, "")]
        if not any(total in one.values for one in named):
            shown = ", ".join(one.text for one in money or found) or "no amount"
            return f"it names {shown}, and the total is {total} {currency}"
    known = {*totals.values(), *parts}
    invented = [one.text for one in money if not one.values & known]
    if invented:
        return f"it names {', '.join(invented)}, which is neither a total nor the amount of an event"
    return None


def _without_diacritics(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def _values(number: str) -> set[Decimal]:
    digits = re.sub(rf"[{_SPACE[1:-1]}'\u2019]", "", number)
    if re.fullmatch(r"-?\d{1,3}(\.\d{3})+(,\d{1,2})?", digits):
        return {Decimal(digits.replace(".", "").replace(",", "."))}
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d{1,2})?", digits):
        grouped = Decimal(digits.replace(",", ""))
        decimal = digits.count(",") == 1 and "." not in digits
        return {grouped, Decimal(digits.replace(",", "."))} if decimal else {grouped}
    return {Decimal(digits.replace(",", "."))}


def _scaled(values: set[Decimal], scale: str | None, rest: str | None) -> set[Decimal]:
    return {value * _SCALES[scale] + Decimal(rest or 0) for value in values} if scale else values


def _spoken(words: str) -> Decimal:
    """The value of a number in words.

    Example:
        >>> _spoken("patru mii cinci sute douazeci si trei")
        Decimal('4523')
    """
    total, group = 0, 0
    for word in re.findall(r"[a-z]+", words):
        if word in _HUNDREDS:
            group = max(group, 1) * 100 if group < 10 else group + 100
        elif word in _SCALES:
            total += max(group, 1) * _SCALES[word]
            group = 0
        elif word in _UNITS:
            group += _UNITS[word]
    return Decimal(total + group)
