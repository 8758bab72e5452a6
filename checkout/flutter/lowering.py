"""From tree-sitter's nodes of expressions to `checkout.flutter.syntax`.

Node names: the grammar of the PyPI package tree-sitter-dart 0.1.0, whose version is pinned. It writes a chain
as siblings (`identifier selector selector`), which `_Chain` folds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tree_sitter import Node

from checkout.flutter import nodes as low
from checkout.flutter import syntax as s
from checkout.flutter.statement_lowering import StatementLowering

_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
_GROUP_OPERATORS = ("??", "&&", "||", "?", ":", "==", "!=", "=")


class Lowering:
    """Expressions. `statements` makes the body of a function; it is given, as it needs expressions too."""

    def __init__(self) -> None:
        self.statements = StatementLowering(self)

    def expr(self, nodes: Sequence[Node]) -> s.Expr:
        """The expression that these siblings are."""
        nodes = [one for one in nodes if one.type not in (*low.COMMENTS, ";")]
        if not nodes:
            return s.Expr(0)
        head = nodes[0]
        found = self._primary(head)
        start = low.line(head)
        for node in nodes[1:]:
            found = self._select(found, node, start)
        return found

    def one(self, node: Node | None) -> s.Expr:
        """The expression of one node."""
        return s.Expr(0) if node is None else self.expr([node])

    def field(self, node: Node, name: str) -> s.Expr:
        """The expression of a field, which can have several nodes."""
        return self.expr(node.children_by_field_name(name))

    def _select(self, target: s.Expr | None, node: Node, start: int) -> s.Expr:
        kind = node.type
        if kind == "cascade_section":
            section = self._section(node)
            if isinstance(target, s.Cascade):
                return s.Cascade(target.line, target=target.target, sections=(*target.sections, section))
            return s.Cascade(start, target=target, sections=(section,))
        if kind in ("selector", "unconditional_assignable_selector", "conditional_assignable_selector",
                    "cascade_selector"):  # fmt: skip
            found: s.Expr | None = target
            if low.text(node) == "!":
                return s.Cast(start, value=target)
            for child in low.named(node):
                if child.type == "identifier":
                    found = s.Get(low.line(child), target=found, name=low.text(child))
                else:
                    found = self._select(found, child, start)
            return found if found is not None else s.Expr(start)
        if kind == "index_selector":
            return s.Index(low.line(node), target=target, key=self.expr(low.named(node)))
        if kind in ("argument_part", "arguments"):
            return self.call(target, node, getattr(target, "line", start))
        if kind == "identifier":
            return s.Get(low.line(node), target=target, name=low.text(node))
        if kind == "constructor_tearoff":
            return target if target is not None else s.Expr(start)
        # What the grammar puts behind an expression and this does not know keeps its parts.
        known = () if target is None else (target,)
        return s.Expr(start, parts=(*known, self.one(node)))

    def _section(self, node: Node) -> s.Expr:
        found: s.Expr | None = None
        nodes = [one for one in low.children(node) if one.type not in ("..", "?..")]
        for at, child in enumerate(nodes):
            if child.type in ("=", "??=", "+=", "-=", "*=", "assignment_operator"):
                value = self.expr(nodes[at + 1 :])
                return s.Assign(low.line(node), target=found, operator=low.text(child), value=value)
            found = self._select(found, child, low.line(node))
        return found if found is not None else s.Expr(low.line(node))

    def call(self, target: s.Expr | None, node: Node, at: int) -> s.Call:
        """A call with the arguments of an `arguments` or `argument_part` node."""
        types: tuple[s.TypeRef, ...] = ()
        if node.type == "argument_part":
            type_node = low.first(node, "type_arguments")
            types = tuple(low.types_of(type_node)) if type_node is not None else ()
            inner = low.first(node, "arguments")
            if inner is None:
                return s.Call(at, target=target, types=types)
            node = inner
        args: list[s.Expr] = []
        by_name: list[tuple[str, s.Expr]] = []
        for child in low.named(node):
            if child.type == "named_argument":
                label = low.first(child, "label")
                name = low.text(label).rstrip(":").strip() if label is not None else ""
                rest = [one for one in low.children(child) if one.type != "label"]
                by_name.append((name, self.expr(rest)))
            elif child.type == "argument":
                args.append(self.expr(low.children(child)))
            elif child.type != "type_arguments":
                args.append(self.one(child))
        return s.Call(at, target=target, args=tuple(args), named=tuple(by_name), types=types)

    def _primary(self, node: Node) -> s.Expr:
        method = getattr(self, f"_{node.type}", None)
        if method is not None:
            return method(node)
        if node.type.endswith("_expression"):
            return self._operators(node)
        if node.type in ("statement", "block"):
            return s.Expr(low.line(node))
        return s.Expr(low.line(node), parts=tuple(self.one(one) for one in low.named(node)))

    def _identifier(self, node: Node) -> s.Expr:
        return s.Name(low.line(node), id=low.text(node))

    _type_identifier = _identifier

    def _qualified(self, node: Node) -> s.Expr:
        """`Box.sent` as a pattern."""
        return self._fold_from(self.one(node.children[0]), low.named(node)[1:], low.line(node))

    _identifier_dollar_escaped = _identifier

    def _this(self, node: Node) -> s.Expr:
        return s.Self(low.line(node))

    def _super(self, node: Node) -> s.Expr:
        return s.Self(low.line(node), of_super=True)

    def _true(self, node: Node) -> s.Expr:
        return s.Literal(low.line(node), value=True)

    def _false(self, node: Node) -> s.Expr:
        return s.Literal(low.line(node), value=False)

    def _null_literal(self, node: Node) -> s.Expr:
        return s.Literal(low.line(node), value=None)

    def _decimal_integer_literal(self, node: Node) -> s.Expr:
        return s.Literal(low.line(node), value=float(low.text(node).replace("_", "")))

    _decimal_floating_point_literal = _decimal_integer_literal

    def _hex_integer_literal(self, node: Node) -> s.Expr:
        return s.Literal(low.line(node), value=float(int(low.text(node).replace("_", ""), 16)))

    def _parenthesized_expression(self, node: Node) -> s.Expr:
        return self.expr(low.named(node))

    def _dot_shorthand(self, node: Node) -> s.Expr:
        return self._fold_from(None, low.named(node), low.line(node))

    def _fold_from(self, found: s.Expr | None, nodes: Sequence[Node], at: int) -> s.Expr:
        for node in nodes:
            found = self._select(found, node, at)
        return found if found is not None else s.Expr(at)

    def _string_literal(self, node: Node) -> s.Expr:
        """The pieces between the quotes are in no node of their own: they are cut out of the source."""
        source = node.text or b""
        offset = node.start_byte
        pieces: list[str | s.Expr] = []
        raw, opened, at = False, "", 0
        for child in node.children:
            quote = low.text(child)
            if child.type == "template_substitution":
                pieces.append(_unescape(source[at : child.start_byte - offset], raw=raw))
                pieces.append(self.expr(low.named(child)))
                at = child.end_byte - offset
            elif not child.is_named and quote.lstrip("r") in ("'", '"', "'''", '"""'):
                if opened and quote != opened.lstrip("r"):
                    continue  # a quote in a text between three
                if opened:
                    pieces.append(_unescape(source[at : child.start_byte - offset], raw=raw))
                    opened = ""
                else:
                    opened, raw = quote, quote.startswith("r")
                at = child.end_byte - offset
        return s.Text(low.line(node), pieces=tuple(_joined(pieces)))

    def _elements(self, node: Node) -> tuple[s.Expr, ...]:
        """The elements between commas; the siblings of one element belong together."""
        found: list[s.Expr] = []
        group: list[Node] = []
        for child in (*low.children(node), None):
            if child is None or child.type in (",", "]", "}"):
                if group:
                    found.append(self.expr(group))
                group = []
            elif child.type not in ("[", "{", "const_builtin", "type_arguments", "?"):
                group.append(child)
        return tuple(found)

    def _list_literal(self, node: Node) -> s.Expr:
        return s.Collection(low.line(node), elements=self._elements(node), is_list=True)

    def _set_or_map_literal(self, node: Node) -> s.Expr:
        return s.Collection(low.line(node), elements=self._elements(node))

    def _pair(self, node: Node) -> s.Expr:
        return s.Pair(low.line(node), key=self.field(node, "key"), value=self.field(node, "value"))

    def _spread_element(self, node: Node) -> s.Expr:
        return s.Spread(low.line(node), value=self.expr(low.named(node)))

    def _if_element(self, node: Node) -> s.Expr:
        test: list[Node] = []
        for child in low.children(node):
            if child.type == ")":
                break
            if child.type not in ("if", "("):
                test.append(child)
        other = node.children_by_field_name("alternative")
        return s.Conditional(
            low.line(node),
            test=self.condition(test)[0],
            then=self.field(node, "consequence"),
            other=self.expr(other) if other else None,
        )

    def _for_element(self, node: Node) -> s.Expr:
        parts = low.first(node, "for_loop_parts")
        names, kind, over = self.loop_variable(parts)
        return s.ForElement(
            low.line(node), variables=names, type=kind, over=over, body=self.field(node, "body")
        )

    def loop_variable(self, parts: Node | None) -> tuple[tuple[str, ...], s.TypeRef | None, s.Expr | None]:
        """The variables of `for (final x in xs)`, their type and what is gone through, if any."""
        if parts is None or low.first(parts, "in") is None:
            return (), None, None
        before: list[Node] = []
        for child in parts.children:
            if child.type == "in":
                break
            before.append(child)
        name = parts.child_by_field_name("name")
        names = (low.text(name),) if name is not None else self.bound(before)
        return names, low.type_in(before), self.field(parts, "value")

    def condition(self, nodes: Sequence[Node]) -> tuple[s.Expr, tuple[str, ...]]:
        """The condition of an `if`, and what a pattern in it (`x case final y?`) binds."""
        for at, node in enumerate(nodes):
            if node.type == "case":
                rest = nodes[at + 1 :]
                guard = next((n for n, one in enumerate(rest) if one.type == "when"), len(rest))
                subject = self.expr(nodes[:at])
                guards = (self.expr(rest[guard + 1 :]),) if guard < len(rest) else ()
                return s.Expr(low.line(nodes[0]), parts=(subject, *guards)), self.bound(rest[:guard])
        return self.expr(nodes), ()

    def bound(self, nodes: Iterable[Node]) -> tuple[str, ...]:
        """The names that patterns bind."""
        found: list[str] = []
        for node in nodes:
            if node.type == "identifier":
                found.append(low.text(node))
            elif node.type not in ("string_literal", "type_identifier", "type_arguments", "dot_shorthand"):
                found += self.bound(node.children)
        return tuple(one for one in found if one != "_")

    def _function_expression(self, node: Node) -> s.Expr:
        params = node.child_by_field_name("parameters")
        return s.Fn(
            low.line(node),
            params=self.statements.params(params),
            body=self.statements.body(node.child_by_field_name("body")) or (),
        )

    _lambda_expression = _function_expression

    def _const_object_expression(self, node: Node) -> s.Expr:
        """`const Foo<int>.named(...)`, `new Foo(...)`, `Foo<int>.named(...)`."""
        target: s.Expr | None = None
        for child in low.named(node):
            if child.type in ("type_identifier", "identifier"):
                name = low.text(child)
                target = (
                    s.Name(low.line(child), id=name)
                    if target is None
                    else s.Get(low.line(child), target=target, name=name)
                )
            elif child.type in ("arguments", "argument_part"):
                return self.call(target, child, low.line(node))
        return s.Call(low.line(node), target=target)

    _new_expression = _const_object_expression
    _constructor_invocation = _const_object_expression

    def _unary_expression(self, node: Node) -> s.Expr:
        parts = low.named(node)
        if parts and parts[0].type == "prefix_operator":
            value = self.expr(parts[1:])
            operator = low.text(parts[0])
            if operator == "!":
                return s.Not(low.line(node), value=value)
            if operator == "-" and isinstance(value, s.Literal) and isinstance(value.value, float):
                return s.Literal(low.line(node), value=-value.value)
            return s.Expr(low.line(node), parts=(value,))
        return self.expr(parts)

    def _await_expression(self, node: Node) -> s.Expr:
        return s.Await(low.line(node), value=self.expr(low.named(node)))

    def _postfix_expression(self, node: Node) -> s.Expr:
        parts = low.named(node)
        if parts and parts[-1].type == "postfix_operator":
            return s.Expr(low.line(node), parts=(self.expr(parts[:-1]),))
        return self.expr(parts)

    def _assignable_expression(self, node: Node) -> s.Expr:
        return self.expr(low.named(node))

    def _type_cast_expression(self, node: Node) -> s.Expr:
        parts = low.named(node)
        cast = next((one for one in parts if one.type == "type_cast"), None)
        value = self.expr([one for one in parts if one.type != "type_cast"])
        return s.Cast(low.line(node), value=value, type=low.type_in(cast.children) if cast else None)

    def _type_test_expression(self, node: Node) -> s.Expr:
        parts = low.named(node)
        test = next((one for one in parts if one.type == "type_test"), None)
        value = self.expr([one for one in parts if one.type != "type_test"])
        kind = low.type_in(low.named(test)[1:]) if test else None
        return s.Is(
            low.line(node), value=value, type=kind, negated=test is not None and "!" in low.text(test)
        )

    def _throw_expression(self, node: Node) -> s.Expr:
        return s.Throw(low.line(node), value=self.expr(low.named(node)))

    def _rethrow_expression(self, node: Node) -> s.Expr:
        return s.Throw(low.line(node), value=s.Expr(low.line(node)))

    def _record_literal(self, node: Node) -> s.Expr:
        args: list[s.Expr] = []
        by_name: list[tuple[str, s.Expr]] = []
        for field in low.named(node):
            label = low.first(field, "label")
            value = self.expr([one for one in low.children(field) if one.type != "label"])
            if label is None:
                args.append(value)
            else:
                by_name.append((low.text(label).rstrip(":").strip(), value))
        return s.Record(low.line(node), args=tuple(args), named=tuple(by_name))

    def _conditional_expression(self, node: Node) -> s.Expr:
        test: list[Node] = []
        for child in low.children(node):
            if child.type == "?":
                break
            test.append(child)
        return s.Conditional(
            low.line(node),
            test=self.expr(test),
            then=self.field(node, "consequence"),
            other=self.field(node, "alternative"),
        )

    def _assignment_expression(self, node: Node) -> s.Expr:
        operator = node.child_by_field_name("operator")
        return s.Assign(
            low.line(node),
            target=self.field(node, "left"),
            operator=low.text(operator) if operator is not None else "=",
            value=self.field(node, "right"),
        )

    def _switch_expression(self, node: Node) -> s.Expr:
        cases = [self._switch_case(one) for one in low.children(node) if one.type == "switch_expression_case"]
        return s.SwitchExpr(low.line(node), subject=self.field(node, "condition"), cases=tuple(cases))

    def _switch_case(self, node: Node) -> s.Case:
        parts = low.children(node)
        arrow = next((at for at, one in enumerate(parts) if one.type == "=>"), len(parts))
        constants, binds, any_value = self.pattern(parts[:arrow])
        value = self.expr(parts[arrow + 1 :])
        return s.Case(constants=constants, binds=binds, is_default=any_value, value=value)

    def pattern(self, nodes: Sequence[Node]) -> tuple[tuple[s.Expr, ...], tuple[str, ...], bool]:
        """The constants of a pattern, what it binds, and whether it matches everything."""
        guard = next((at for at, one in enumerate(nodes) if one.type == "when"), len(nodes))
        constants: list[s.Expr] = []
        only_constants = guard == len(nodes)
        for node in nodes[:guard]:
            if node.type == "constant_pattern":
                constants.append(self.expr(low.named(node)))
            elif node.type not in ("logical_or_operator", "case_builtin", ":", "||"):
                only_constants = False
        any_value = [one.id for one in constants if isinstance(one, s.Name)] == ["_"]
        if any_value:
            return (), (), guard == len(nodes)
        return (tuple(constants) if only_constants else ()), self.bound(nodes[:guard]), False

    def _relational_expression(self, node: Node) -> s.Expr:
        """Also `f<int>(x)`: with one argument without a name, the grammar reads two comparisons."""
        parts = low.named(node)
        at = next((n for n, one in enumerate(parts) if one.type == "relational_operator"), -1)
        if parts and at == 1 and parts[0].type == "relational_expression" and low.text(parts[1]) == ">":
            inner = low.named(parts[0])
            less = next((n for n, one in enumerate(inner) if one.type == "relational_operator"), -1)
            right = inner[less + 1 :]
            generic = len(parts) > 2 and parts[2].type == "parenthesized_expression" and len(right) == 1
            if (
                less > 0
                and low.text(inner[less]) == "<"
                and generic
                and low.text(right[0])[:1].isupper()
                | (low.text(right[0]) in ("int", "double", "bool", "num", "void", "dynamic"))
            ):
                target = self.expr(inner[:less])
                call: s.Expr = s.Call(
                    low.line(node),
                    target=target,
                    args=(self.expr(low.named(parts[2])),),
                    types=(s.TypeRef(low.text(right[0])),),
                )
                return self._fold_from(call, parts[3:], low.line(node))
        return self._operators(node)

    def _operators(self, node: Node) -> s.Expr:
        """Operands and operators in turn."""
        groups: list[list[Node]] = [[]]
        operators: list[str] = []
        for child in low.children(node):
            if (child.type.endswith("_operator") and child.type != "prefix_operator") or (
                not child.is_named and child.type in _GROUP_OPERATORS
            ):
                operators.append(low.text(child))
                groups.append([])
            else:
                groups[-1].append(child)
        found = self.expr(groups[0])
        for operator, group in zip(operators, groups[1:], strict=True):
            found = s.Binary(low.line(node), operator=operator, left=found, right=self.expr(group))
        return found


def _unescape(source: bytes, *, raw: bool) -> str:
    found = source.decode(errors="replace")
    return found if raw or "\\" not in found else _ESCAPE.sub(_escaped, found)


def _escaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return _ESCAPES.get(match[4], match[4])


def _joined(pieces: Iterable[str | s.Expr]) -> Iterator[str | s.Expr]:
    """Texts beside each other as one."""
    kept = ""
    for piece in pieces:
        if isinstance(piece, str):
            kept += piece
        else:
            if kept:
                yield kept
            kept = ""
            yield piece
    if kept:
        yield kept
