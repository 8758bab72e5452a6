"""Reading tree-sitter's nodes: text, line, children without comments, types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from checkout.flutter import syntax as s

COMMENTS = (
    "comment",
    "documentation_comment",
    "block_comment",
    "line_comment",
    "annotation",
    "marker_annotation",
)
_TYPES = ("type_identifier", "void_type", "function_type", "record_type")


def text(node: Node) -> str:
    """The source of a node."""
    return (node.text or b"").decode(errors="replace")


def line(node: Node) -> int:
    """Where a node begins, from 1."""
    return node.start_point[0] + 1


def children(node: Node) -> list[Node]:
    """The children without comments and annotations."""
    return [one for one in node.children if one.type not in COMMENTS]


def named(node: Node) -> list[Node]:
    """The named children without comments."""
    return [one for one in children(node) if one.is_named]


def first(node: Node, *types: str) -> Node | None:
    """The first child of these types."""
    return next((one for one in node.children if one.type in types), None)


def annotation_argument(node: Node, name: str, label: str = "") -> Node | None:
    """The argument of `@name(...)`: the first one, or the one with this label. None if it is another one."""
    called = node.child_by_field_name("name") if node.type == "annotation" else None
    arguments = first(node, "arguments")
    if called is None or arguments is None or text(called) != name:
        return None
    for child in named(arguments):
        given = first(child, "label")
        if (text(given).rstrip(":").strip() if given is not None else "") == label:
            return child
    return None


def type_in(nodes: Iterable[Node]) -> s.TypeRef | None:
    """The first type among the nodes, with its arguments; a prefix is left out."""
    found: s.TypeRef | None = None
    for node in nodes:
        if node.type in _TYPES:
            if found is not None and found.args:
                break
            found = s.TypeRef("Function" if node.type == "function_type" else text(node))
        elif node.type == "type_arguments" and found is not None:
            return s.TypeRef(found.name, tuple(types_of(node)))
        elif found is not None and node.type != ".":
            break
    return found


def types_of(node: Node) -> Iterator[s.TypeRef]:
    """The types of `<A, B<C>>`."""
    group: list[Node] = []
    for child in (*children(node), None):
        if child is None or child.type in (",", ">"):
            one = type_in(group)
            if one is not None:
                yield one
            group = []
        elif child.type != "<":
            group.append(child)
