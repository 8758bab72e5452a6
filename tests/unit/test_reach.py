"""Which files count for a function, from a graph: `checkout.reach`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checkout.reach import Graph, digests, graph_from_json, renamed

pytestmark = pytest.mark.unit

# index.js loads setup.js, a.js and the list more.js, which loads b.js; a.js and b.js share shared.js.
GRAPH = Graph(
    entry="index.js",
    files={
        "index.js": ("a.js", "more.js", "setup.js"),
        "more.js": ("b.js",),
        "setup.js": ("env.js",),
        "a.js": ("shared.js", "of_a.js", "texts.json"),
        "b.js": ("shared.js", "of_b.mjs"),
    },
    roots=("index.js",),
    dynamic=(),
    makers={"a": ("a.js",), "b": ("b.js",), "b.again": ("b.js",), "own": ("index.js", "a.js"), "lost": ()},
)
FILES = (
    "package.json", "package-lock.json", "index.js", "more.js", "setup.js", "env.js", "a.js", "b.js",
    "shared.js", "of_a.js", "of_b.mjs", "texts.json", "views/mail.html", "test/a.test.js",
)  # fmt: skip
CONTENTS: dict[str, str] = dict.fromkeys(FILES, "1")
EVERY = {"a", "b", "b.again", "own", "lost"}


def changed(name: str, graph: Graph | None = GRAPH) -> set[str]:
    """The functions whose digest changes with this file."""
    before = digests(graph, CONTENTS, EVERY)
    after = digests(graph, {**CONTENTS, name: "2"}, EVERY)
    assert before.keys() == after.keys() == EVERY
    return {one for one in EVERY if before[one] != after[one]}


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("a.js", {"a", "own", "lost"}),
        ("of_a.js", {"a", "own", "lost"}),
        ("b.js", {"b", "b.again", "own", "lost"}),
        ("of_b.mjs", {"b", "b.again", "own", "lost"}),
        *((name, EVERY) for name in FILES if name not in ("a.js", "of_a.js", "b.js", "of_b.mjs")),
    ],
)
def test_a_file_counts_for_the_functions_that_may_use_it(name: str, functions: set[str]) -> None:
    assert changed(name) == functions


def test_all_files_count_where_the_graph_is_not_known() -> None:
    assert all(changed(name, None) == EVERY for name in FILES)


def test_a_new_or_removed_file_counts_for_all() -> None:
    before = digests(GRAPH, CONTENTS, EVERY)
    for contents in (
        {**CONTENTS, "late.js": "1"},
        {k: v for k, v in CONTENTS.items() if k != "views/mail.html"},
    ):
        after = digests(GRAPH, contents, EVERY)
        assert all(before[one] != after[one] for one in EVERY)


def test_all_files_count_for_a_function_that_loads_files_by_computed_names() -> None:
    one = replace(GRAPH, dynamic=("of_b.mjs",))
    assert changed("a.js", one) == EVERY
    assert changed("b.js", one) == {"b", "b.again", "own", "lost"}
    assert changed("a.js", replace(GRAPH, dynamic=("setup.js",))) == EVERY


def test_a_file_that_a_dependency_loads_counts_for_all() -> None:
    assert changed("of_a.js", replace(GRAPH, roots=("index.js", "of_a.js"))) == EVERY


def test_a_maker_that_another_function_loads_counts_for_both() -> None:
    files = {**GRAPH.files, "a.js": ("b.js",)}
    assert changed("of_b.mjs", replace(GRAPH, files=files)) == EVERY


def test_files_that_load_each_other_end() -> None:
    files = {**GRAPH.files, "of_a.js": ("a.js",), "shared.js": ("of_a.js",)}
    assert changed("of_a.js", replace(GRAPH, files=files)) == EVERY


def test_a_graph_is_read_from_json_and_a_damaged_one_is_not() -> None:
    fields = {
        "entry": GRAPH.entry,
        "files": {name: list(files) for name, files in GRAPH.files.items()},
        "roots": list(GRAPH.roots),
        "dynamic": [],
        "makers": {name: list(files) for name, files in GRAPH.makers.items()},
    }
    assert graph_from_json(fields) == GRAPH
    for name in fields:
        assert graph_from_json({**fields, name: 1}) is None
    assert graph_from_json({**fields, "files": {"index.js": [1]}}) is None
    assert graph_from_json(None) is None


def test_a_graph_with_a_file_that_has_no_name_is_not_known() -> None:
    names = {name: f"x/{name}" for name in (*FILES, "index.js")}
    moved = renamed(GRAPH, names)
    assert moved is not None
    assert moved.files["x/a.js"] == ("x/of_a.js", "x/shared.js", "x/texts.json")
    assert moved.makers["a"] == ("x/a.js",)
    del names["shared.js"]
    assert renamed(GRAPH, names) is None
