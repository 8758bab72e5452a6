"""The HTML report in a real browser: it asks for nothing, complains of nothing, fits a phone, prints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.readiness import flutter, html_report
from ops.readiness.model import Report, Verdict
from tests import chromium
from tests.unit.ops.readiness_edges import serving
from tests.unit.ops.readiness_world import NOW, World

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        chromium.binary() is None and not os.environ.get("CI"),
        reason="Chromium is not installed (apt-get install chromium)",
    ),
]

PHONE = 360
OVERFLOWING = f"""
[...document.querySelectorAll('body *')]
  .filter(e => e.getClientRects().length && e.getBoundingClientRect().right > {PHONE} + 0.5)
  .map(e => e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 40))
"""
CONTRAST = """
(() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent.slice(0, 40)]);
  }
  return found;
})()
"""
"""The contrast of each visible text (WCAG 2.2, contrast ratio)."""

SHOWN = """
[...document.querySelectorAll('details')].filter(e => e.getBoundingClientRect().height
  > e.querySelector('summary').getBoundingClientRect().height + 8).length
"""
"""How much of the evidence is visible."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """One with every verdict, hostile text, and a difference to the run before."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch, serving(200) as backend, serving(401) as functions:
        edges = {"RAILWAY_EDGE_URL": backend.url, "GOOGLE_EDGE_URL": functions.url}
        world = World(folder=folder, edges=edges)
        world.accept()
        patch.setattr(flutter, "check_app", world.check_app)
        patch.setattr(flutter, "find_app", lambda *_: (folder, ""))
        made = world.broken()
        changed = {"A2": Verdict.PASS, "G5": Verdict.PASS, "E7": None}
        outcomes = [replace(one, before=changed.get(one.line.id, one.verdict)) for one in made.outcomes]
        yield replace(made, outcomes=outcomes, previous=NOW - timedelta(days=1))


@pytest.fixture(scope="module")
def file(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report") / "readiness.html"
    made.write_text(html_report.to_html(report), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Page]:
    with chromium.page(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def test_it_requests_only_itself_and_the_console_is_empty(page: chromium.Page, file: Path) -> None:
    page.show(file, width=1200)
    assert [one for one in page.requested if not one.startswith("data:")] == [file.as_uri()]
    assert page.complaints == []
    assert file.stat().st_size < 1_000_000


def test_a_request_would_be_seen(page: chromium.Page, tmp_path: Path) -> None:
    """Otherwise the test above could not fail."""
    bad = tmp_path / "bad.html"
    bad.write_text('<img src="http://127.0.0.1:9/x.png"><script>console.error("no")</script>')
    page.show(bad, width=1200)
    assert "http://127.0.0.1:9/x.png" in page.requested
    assert any('"no"' in one for one in page.complaints)


def test_the_policy_of_the_page_runs_no_script(page: chromium.Page, file: Path, tmp_path: Path) -> None:
    """Also if an escape were forgotten."""
    forgotten = tmp_path / "forgotten.html"
    forgotten.write_text(
        file.read_text().replace("<header>", "<script>document.title = 'run'</script><header>")
    )
    page.show(forgotten, width=1200)
    assert page.run("document.title") != "run"


def test_it_fits_a_phone_also_with_all_evidence_open(page: chromium.Page, file: Path) -> None:
    page.show(file, width=PHONE)
    assert page.run(OVERFLOWING) == []
    assert page.run("document.documentElement.scrollWidth") <= PHONE
    page.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.run(OVERFLOWING) == []
    assert page.run("document.documentElement.scrollWidth") <= PHONE


def test_text_is_large_enough_on_a_phone(page: chromium.Page, file: Path) -> None:
    page.show(file, width=PHONE)
    sizes = page.run(
        "[...document.querySelectorAll('body *')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12
    heights = page.run("[...document.querySelectorAll('summary')].map(e => e.getBoundingClientRect().height)")
    assert min(heights) >= 24, "a finger has to hit it (WCAG 2.2, target size)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_good_contrast(page: chromium.Page, file: Path, scheme: str) -> None:
    page.show(file, width=PHONE, prefers_color_scheme=scheme)
    page.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    found: list[list[Any]] = page.run(CONTRAST)
    assert len(found) > 200
    assert [one for one in found if one[0] < 4.5] == []
    dark = page.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark is (scheme == "dark")


def test_failures_come_first_and_evidence_is_shown_on_demand(
    page: chromium.Page, file: Path, report: Report
) -> None:
    page.show(file, width=1200)
    order = page.run("[...document.querySelectorAll('article')].map(one => one.className)")
    assert len(order) == len(report.outcomes)
    kinds = ["fail", "unknown", "person", "waived", "pass"]
    assert order == sorted(order, key=kinds.index)
    assert set(order) == set(kinds)
    assert page.run("document.querySelectorAll('details').length") > 30
    assert page.run(SHOWN) == 0
    page.run("document.querySelector('summary').click()")
    assert page.run(SHOWN) == 1


def test_it_says_what_changed_since_the_run_before(page: chromium.Page, file: Path) -> None:
    page.show(file, width=1200)
    changes = page.run("document.querySelector('#changes').innerText")
    assert "Since the report of 2026-11-29 12:00 UTC" in changes
    assert "A2: fail, was pass" in changes
    assert "G5: fail, was pass" in changes
    assert changes.count("was ") == 2
    assert "Not in that report: E7" in changes


def test_it_prints_on_white_with_its_evidence(page: chromium.Page, file: Path) -> None:
    page.show(file, width=800, prefers_color_scheme="dark")
    page.media("print", prefers_color_scheme="light")
    assert page.run(SHOWN) == page.run("document.querySelectorAll('details').length")
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = page.pdf()
    assert printed.startswith(b"%PDF-")
    assert 2 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 20


def test_a_screenshot_is_kept_for_a_look(page: chromium.Page, file: Path, tmp_path: Path) -> None:
    """`READINESS_SCREENSHOTS=folder` keeps them."""
    folder = Path(os.environ.get("READINESS_SCREENSHOTS") or tmp_path)
    for name, width in (("phone", PHONE), ("desk", 1200)):
        page.show(file, width=width)
        page.screenshot(folder / f"readiness-{name}.png")
        assert (folder / f"readiness-{name}.png").stat().st_size > 10_000
