"""Statements, parameters and bodies: the second half of `checkout.flutter.lowering`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tree_sitter import Node

from checkout.flutter import nodes as low
from checkout.flutter import syntax as s

_OF_FIELD = ("constructor_param", "field_formal_parameter")


class Expressions(Protocol):
    """What statements need of expressions: `checkout.flutter.lowering.Lowering`."""

    def expr(self, nodes: Sequence[Node]) -> s.Expr: ...

    def one(self, node: Node | None) -> s.Expr: ...

    def field(self, node: Node, name: str) -> s.Expr: ...

    def bound(self, nodes: Iterable[Node]) -> tuple[str, ...]: ...

    def condition(self, nodes: Sequence[Node]) -> tuple[s.Expr, tuple[str, ...]]: ...

    def pattern(self, nodes: Sequence[Node]) -> tuple[tuple[s.Expr, ...], tuple[str, ...], bool]: ...

    def loop_variable(
        self, parts: Node | None
    ) -> tuple[tuple[str, ...], s.TypeRef | None, s.Expr | None]: ...


class StatementLowering:
    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions

    def body(self, node: Node | None) -> tuple[s.Stmt, ...] | None:
        """A function's body; `=> x` is `return x`. None if there is none."""
        if node is None:
            return None
        block = low.first(node, "block")
        if block is not None:
            return self.block(block)
        if low.first(node, "=>") is not None:
            nodes = [
                one
                for one in low.children(node)
                if one.type not in ("async", "async*", "sync*", "=>", ";", "*")
            ]
            return (s.Return(low.line(node), self._expressions.expr(nodes)),)
        return ()

    def block(self, node: Node) -> tuple[s.Stmt, ...]:
        """The statements of a block, or the one statement that stands where a block could."""
        if node.type != "block":
            return tuple(self.statement(node))
        return tuple(one for child in low.named(node) for one in self.statement(child))

    def params(self, node: Node | None) -> tuple[s.Param, ...]:
        """The parameters of a function."""
        if node is None:
            return ()
        if node.type == "function_signature":
            node = low.first(node, "formal_parameter_list")
        return tuple(self._params(node, named=False, optional=False)) if node is not None else ()

    def _params(self, node: Node, *, named: bool, optional: bool) -> Iterator[s.Param]:
        parts = [one for one in node.children if "comment" not in one.type]
        annotations: list[Node] = []
        required = False
        for at, child in enumerate(parts):
            if child.type == "optional_formal_parameters":
                braces = any(one.type == "{" for one in child.children)
                yield from self._params(child, named=braces, optional=True)
            elif child.type in ("annotation", "marker_annotation"):
                annotations.append(child)
            elif child.type == "required":
                required = True
            elif child.type in ("formal_parameter", "normal_formal_parameter"):
                annotations += [one for one in child.children if one.type == "annotation"]
                default: s.Expr | None = None
                if at + 1 < len(parts) and parts[at + 1].type in ("=", ":"):
                    rest: list[Node] = []
                    for one in parts[at + 2 :]:
                        if one.type in (",", "]", "}"):
                            break
                        rest.append(one)
                    default = self._expressions.expr(rest)
                required = required or any(one.type == "required" for one in child.children)
                yield self._param(
                    child, default, annotations, named=named, optional=optional and not required
                )
                annotations, required = [], False

    def _param(
        self, node: Node, default: s.Expr | None, annotations: list[Node], *, named: bool, optional: bool
    ) -> s.Param:
        inner = (
            low.first(node, "constructor_param", "super_formal_parameter", "field_formal_parameter") or node
        )
        names = [one for one in low.children(inner) if one.type == "identifier"]
        name = node.child_by_field_name("name") or (names[-1] if names else None)
        if name is None:  # a parameter that is written as a function: `int f(String x)`
            deeper = low.first(node, "function_signature", "function_formal_parameter")
            name = deeper.child_by_field_name("name") if deeper is not None else None
        for one in annotations if default is None else ():
            given = low.annotation_argument(one, "Default")  # of the package freezed
            default = self._expressions.expr(low.children(given)) if given is not None else default
        return s.Param(
            name=low.text(name) if name is not None else "_",
            type=low.type_in(low.children(inner)),
            default=default,
            named=named,
            of_field=inner.type in _OF_FIELD,
            of_super=inner.type == "super_formal_parameter",
            optional=optional,
            key=self.json_key(annotations),
        )

    def json_key(self, annotations: Iterable[Node]) -> str:
        """The name in `@JsonKey(name: 'x')`, "" without one."""
        for one in annotations:
            given = low.annotation_argument(one, "JsonKey", "name")
            if given is not None:
                found = self._expressions.expr([part for part in low.children(given) if part.type != "label"])
                if isinstance(found, s.Text):
                    return "".join(piece for piece in found.pieces if isinstance(piece, str))
        return ""

    def statement(self, node: Node) -> Iterator[s.Stmt]:
        """The statements that a node is: `int a = 1, b = 2;` are two."""
        method = getattr(self, f"_{node.type}", None)
        if method is not None:
            yield from method(node)
        elif node.type not in ("comment", "documentation_comment", ";"):
            yield s.Do(low.line(node), self._expressions.expr([node]))

    def _block(self, node: Node) -> Iterator[s.Stmt]:
        yield s.Block(low.line(node), self.block(node))

    def _expression_statement(self, node: Node) -> Iterator[s.Stmt]:
        nodes = low.named(node)
        if nodes:
            yield s.Do(low.line(node), self._expressions.expr(nodes))

    def _return_statement(self, node: Node) -> Iterator[s.Stmt]:
        nodes = low.named(node)
        yield s.Return(low.line(node), self._expressions.expr(nodes) if nodes else None)

    def _yield_statement(self, node: Node) -> Iterator[s.Stmt]:
        yield s.Yield(low.line(node), self._expressions.expr(low.named(node)))

    _yield_each_statement = _yield_statement

    def _break_statement(self, node: Node) -> Iterator[s.Stmt]:
        yield s.Leave(low.line(node))

    _continue_statement = _break_statement

    def _labeled_statement(self, node: Node) -> Iterator[s.Stmt]:
        yield from self.statement(low.named(node)[-1])

    def _local_function_declaration(self, node: Node) -> Iterator[s.Stmt]:
        inner = low.first(node, "lambda_expression")
        signature = inner.child_by_field_name("parameters") if inner is not None else None
        name = signature.child_by_field_name("name") if signature is not None else None
        if inner is not None and name is not None:
            function = s.Fn(
                low.line(node),
                params=self.params(signature),
                body=self.body(inner.child_by_field_name("body")) or (),
            )
            yield s.LocalFn(low.line(node), low.text(name), function)

    def _local_variable_declaration(self, node: Node) -> Iterator[s.Stmt]:
        for child in low.named(node):
            if child.type == "initialized_variable_definition":
                yield from self._variables(child)
            elif child.type == "pattern_variable_declaration":
                parts = low.children(child)
                at = next((n for n, one in enumerate(parts) if one.type == "="), len(parts))
                value = self._expressions.expr(parts[at + 1 :])
                yield s.Unpack(low.line(child), self._expressions.bound(parts[:at]), value)

    def _variables(self, node: Node) -> Iterator[s.Stmt]:
        kind = low.type_in(
            [one for one in low.children(node) if one.type not in ("final_builtin", "const_builtin", "late")]
        )
        name = node.child_by_field_name("name")
        if name is not None:
            values = node.children_by_field_name("value")
            value = self._expressions.expr(values) if values else None
            yield s.Var(low.line(node), low.text(name), kind, value)
        for more in low.children(node):
            if more.type == "initialized_identifier":
                yield self.initialized(more, kind)

    def initialized(self, node: Node, kind: s.TypeRef | None) -> s.Var:
        """`name = value`, or the name alone."""
        parts = low.children(node)
        value = self._expressions.expr(parts[2:]) if len(parts) > 2 else None
        return s.Var(low.line(node), low.text(parts[0]), kind, value)

    def _if_statement(self, node: Node) -> Iterator[s.Stmt]:
        parts: list[Node] = []
        for child in low.children(node):
            if child.type == ")":
                break
            if child.type not in ("if", "("):
                parts.append(child)
        test, binds = self._expressions.condition(parts)
        then = node.child_by_field_name("consequence")
        other = node.child_by_field_name("alternative")
        yield s.If(
            low.line(node),
            test,
            binds,
            self.block(then) if then is not None else (),
            self.block(other) if other is not None else (),
        )

    def _for_statement(self, node: Node) -> Iterator[s.Stmt]:
        parts = low.first(node, "for_loop_parts")
        body = node.child_by_field_name("body")
        statements = self.block(body) if body is not None else ()
        names, kind, over = self._expressions.loop_variable(parts)
        if over is not None:
            yield s.ForIn(low.line(node), names, kind, over, statements)
            return
        init = parts.child_by_field_name("init") if parts is not None else None
        test = parts.child_by_field_name("condition") if parts is not None else None
        updates = parts.children_by_field_name("update") if parts is not None else []
        done = tuple(s.Do(low.line(one), self._expressions.one(one)) for one in updates if one.is_named)
        yield s.Loop(
            low.line(node),
            tuple(self.statement(init)) if init is not None else (),
            self._expressions.one(test) if test is not None else None,
            (*statements, *done),
        )

    def _while_statement(self, node: Node) -> Iterator[s.Stmt]:
        body = node.child_by_field_name("body")
        condition = node.child_by_field_name("condition") or low.first(node, "parenthesized_expression")
        test = self._expressions.one(condition) if condition is not None else None
        yield s.Loop(low.line(node), (), test, self.block(body) if body is not None else ())

    _do_statement = _while_statement

    def _switch_statement(self, node: Node) -> Iterator[s.Stmt]:
        body = node.child_by_field_name("body") or low.first(node, "switch_block")
        cases: list[s.Case] = []
        heads: list[s.Expr] = []  # `case 'a': case 'b': …` has one body
        open_head = False
        for child in low.children(body) if body is not None else ():
            if child.type not in ("switch_statement_case", "switch_statement_default"):
                continue
            parts = low.children(child)
            colon = next((n for n, one in enumerate(parts) if one.type == ":"), len(parts) - 1)
            constants, binds, any_value = self._expressions.pattern(parts[:colon])
            statements = tuple(
                one for part in parts[colon + 1 :] if part.is_named for one in self.statement(part)
            )
            default = child.type == "switch_statement_default" or any_value
            heads += constants
            open_head = open_head or (not constants and not default)
            if not statements and not default:
                continue
            known = () if open_head else tuple(heads)
            cases.append(s.Case(constants=known, binds=binds, is_default=default, body=statements))
            heads, open_head = [], False
        yield s.Switch(low.line(node), self._expressions.field(node, "condition"), tuple(cases))

    def _try_statement(self, node: Node) -> Iterator[s.Stmt]:
        body = node.child_by_field_name("body")
        handlers: list[tuple[s.Stmt, ...]] = []
        last: tuple[s.Stmt, ...] = ()
        for child in low.children(node):
            if child.type == "block" and child != body:
                handlers.append(self.block(child))
            elif child.type == "finally_clause":
                block = low.first(child, "block")
                last = self.block(block) if block is not None else ()
        yield s.Try(low.line(node), self.block(body) if body is not None else (), tuple(handlers), last)
