"""Files: classes, functions, variables and imports. See `checkout.flutter.lowering` for expressions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import tree_sitter_dart
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from checkout.flutter import nodes as low
from checkout.flutter import syntax as s
from checkout.flutter.lowering import Lowering

_DART = Language(tree_sitter_dart.language())
_ANNOTATIONS = Query(_DART, "(annotation) @annotation")
_CLASSES = {
    "class_definition": "class",
    "mixin_declaration": "mixin",
    "mixin_application_class": "class",
    "enum_declaration": "enum",
    "extension_declaration": "extension",
    "extension_type_declaration": "class",
}
_BODIES = ("class_body", "enum_body", "extension_body")
_VARIABLES = ("static_final_declaration_list", "initialized_identifier_list", "identifier_list")
_TYPE_PARTS = ("type_identifier", "type_arguments", "function_type", "record_type", ".")
_SIGNATURES = {
    "function_signature": "function",
    "getter_signature": "get",
    "setter_signature": "set",
    "operator_signature": "function",
    "constructor_signature": "constructor",
    "constant_constructor_signature": "constructor",
    "factory_constructor_signature": "factory",
    "redirecting_factory_constructor_signature": "factory",
}


def parse(source: bytes, file: str) -> s.Unit:
    """One file of Dart. `errors` are the lines that the grammar does not know."""
    # The grammar takes U+0000, which a text may contain, for the end of the file.
    root = Parser(_DART).parse(source.replace(b"\0", b" ")).root_node
    return _UnitLowering(file).unit(root)


def error_lines(root: Node) -> Iterator[int]:
    """The lines of what could not be parsed."""
    waiting = [root] if root.has_error else []
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield low.line(node)
        else:
            waiting += [one for one in node.children if one.has_error]


class _UnitLowering:
    def __init__(self, file: str) -> None:
        self._file = file
        self._expressions = Lowering()
        self._statements = self._expressions.statements

    def unit(self, root: Node) -> s.Unit:
        classes: list[s.ClassDecl] = []
        aliases: list[tuple[str, s.TypeRef]] = []
        imports: list[tuple[str, str]] = []
        exports: list[str] = []
        parts: list[str] = []
        part_of = ""
        rest: list[Node] = []
        for node in low.children(root):
            if node.type in _CLASSES:
                classes.append(self._class(node))
            elif node.type == "type_alias":
                names = [one for one in low.named(node) if one.type == "type_identifier"]
                kind = low.type_in(low.named(node)[1:])
                if names and kind is not None:
                    aliases.append((low.text(names[0]), kind))
            elif node.type == "import_or_export":
                self._import(node, imports, exports)
            elif node.type == "part_directive":
                parts.append(self._uri(node))
            elif node.type == "part_of_directive":
                part_of = self._uri(node)
            else:
                rest.append(node)
        functions, variables = self._members(rest, "")
        return s.Unit(
            file=self._file,
            classes=tuple(classes),
            functions=functions,
            variables=variables,
            aliases=tuple(aliases),
            imports=tuple(imports),
            exports=tuple(exports),
            parts=tuple(parts),
            part_of=part_of,
            errors=tuple(sorted(set(error_lines(root)))),
            annotations=tuple(self._annotations(root)),
        )

    def _annotations(self, root: Node) -> Iterator[s.Expr]:
        """The arguments of all annotations: they are texts of the app too."""
        for node in QueryCursor(_ANNOTATIONS).captures(root).get("annotation", []):
            arguments = low.first(node, "arguments")
            if arguments is not None:
                yield self._expressions.call(None, arguments, low.line(node))

    def _uri(self, node: Node) -> str:
        """The first address in a directive: of a conditional import, the default one."""
        waiting = [node]
        while waiting:
            one = waiting.pop(0)
            if one.type == "string_literal":
                found = self._expressions.one(one)
                pieces = found.pieces if isinstance(found, s.Text) else ()
                return "".join(piece for piece in pieces if isinstance(piece, str))
            waiting += one.children
        return ""

    def _import(self, node: Node, imports: list[tuple[str, str]], exports: list[str]) -> None:
        inner = low.first(node, "library_import", "library_export")
        if inner is None:
            return
        if inner.type == "library_export":
            exports.append(self._uri(inner))
            return
        specification = low.first(inner, "import_specification") or inner
        parts = low.children(specification)
        at = next((n for n, one in enumerate(parts) if one.type == "as"), -1)
        prefix = low.text(parts[at + 1]) if 0 <= at < len(parts) - 1 else ""
        imports.append((self._uri(inner), prefix))

    def _class(self, node: Node) -> s.ClassDecl:
        name = node.child_by_field_name("name") or low.first(node, "identifier", "type_identifier")
        body = node.child_by_field_name("body") or low.first(node, *_BODIES)
        superclass = low.first(node, "superclass")
        mixins = low.first(superclass, "mixins") if superclass is not None else low.first(node, "mixins")
        interfaces = low.first(node, "interfaces")
        type_params = low.first(node, "type_parameters")
        kind = _CLASSES[node.type]
        on: s.TypeRef | None = None
        children = low.children(node)
        for at, child in enumerate(children):
            if child.type == "on":
                on = low.type_in(children[at + 1 :])
                if name is not None and name.start_byte > child.start_byte:
                    name = None  # an extension without a name
        class_name = low.text(name) if name is not None and kind != "extension" else ""
        members = [one for one in body.children if "comment" not in one.type] if body is not None else []
        functions, variables = self._members(members, class_name)
        representation = low.first(node, "representation_declaration")
        if representation is not None:
            inner = representation.child_by_field_name("name")
            if inner is not None:
                kind_of = low.type_in(low.named(representation))
                variables = (*variables, s.VarDecl(low.text(inner), low.line(inner), kind_of, fixed=True))
                param = s.Param(low.text(inner), kind_of, of_field=True)
                made = s.FnDecl("", low.line(inner), params=(param,), body=None, kind="constructor")
                functions = (made, *functions)
        return s.ClassDecl(
            name=low.text(name) if name is not None else "",
            line=low.line(node),
            kind=kind,
            abstract=any(one.type in ("abstract", "sealed") for one in children),
            superclass=low.type_in(low.named(superclass)) if superclass is not None else None,
            mixins=_types(mixins),
            interfaces=_types(interfaces),
            on=on,
            functions=functions,
            variables=variables,
            constants=tuple(self._constants(body)) if kind == "enum" and body is not None else (),
            type_params=tuple(
                low.text(inner)
                for one in (low.named(type_params) if type_params is not None else ())
                for inner in low.named(one)[:1]
            ),
        )

    def _constants(self, body: Node) -> Iterator[tuple[str, s.Call]]:
        for child in low.named(body):
            name = child.child_by_field_name("name")
            if child.type == "enum_constant" and name is not None:
                arguments = low.first(child, "argument_part", "arguments")
                at = low.line(child)
                call = self._expressions.call(None, arguments, at) if arguments is not None else s.Call(at)
                yield low.text(name), call

    def _members(
        self, nodes: Sequence[Node], class_name: str
    ) -> tuple[tuple[s.FnDecl, ...], tuple[s.VarDecl, ...]]:
        """The functions and variables among siblings: a signature is followed by its body."""
        functions: list[s.FnDecl] = []
        variables: list[s.VarDecl] = []
        before: list[Node] = []
        annotations: list[Node] = []
        for at, node in enumerate(nodes):
            if node.type in ("annotation", "marker_annotation"):
                annotations.append(node)
                continue
            if node.type in ("declaration", "method_signature", *_SIGNATURES):
                body = (
                    nodes[at + 1] if at + 1 < len(nodes) and nodes[at + 1].type == "function_body" else None
                )
                inner = low.children(node) if node.type in ("declaration", "method_signature") else [node]
                lists = [one for one in inner if one.type in _VARIABLES]
                if lists:
                    key = self._statements.json_key(annotations)
                    variables += self._fields([*inner], lists, key)
                else:
                    override = any(low.text(one).startswith("@override") for one in annotations)
                    functions += self._function([*before, *inner], body, class_name, overrides=override)
                before, annotations = [], []
            elif node.type in _VARIABLES:
                variables += self._fields(before, [node])
                before = []
            elif node.type in (";", "}", "{", "function_body", "enum_constant", ","):
                before = []
            else:
                before.append(node)
        return tuple(functions), tuple(variables)

    def _fields(self, around: Sequence[Node], lists: Sequence[Node], key: str = "") -> Iterator[s.VarDecl]:
        words = {one.type for one in around}
        kind = low.type_in([one for one in around if one.type in _TYPE_PARTS])
        for one in lists:
            for child in low.named(one):
                variable = (
                    self._statements.initialized(child, kind)
                    if child.type != "identifier"
                    else s.Var(low.line(child), low.text(child), kind, None)
                )
                yield s.VarDecl(
                    name=variable.name,
                    line=variable.line,
                    type=kind,
                    value=variable.value,
                    static="static" in words,
                    fixed=bool(words & {"final_builtin", "const_builtin"}),
                    key=key,
                )

    def _function(
        self, parts: Sequence[Node], body: Node | None, class_name: str, *, overrides: bool
    ) -> Iterator[s.FnDecl]:
        signature = next((one for one in parts if one.type in _SIGNATURES), None)
        if signature is None:
            return
        kind = _SIGNATURES[signature.type]
        params = low.first(signature, "formal_parameter_list")
        names = [low.text(one) for one in low.children(signature) if one.type == "identifier"]
        name_node = signature.child_by_field_name("name")
        name = low.text(name_node) if name_node is not None else (names[-1] if names else "operator")
        redirects = ""
        if kind in ("constructor", "factory"):
            name = ".".join(names[1:]) if names[:1] == [class_name] else ".".join(names)
            if signature.type.startswith("redirecting"):
                target = low.type_in(
                    low.children(signature)[[one.type for one in low.children(signature)].index("=") + 1 :]
                )
                redirects = target.name if target is not None else ""
        fields, chained = self._initializers(parts)
        yield s.FnDecl(
            name=name,
            line=low.line(signature),
            params=self._statements.params(params),
            body=self._statements.body(body),
            kind=kind,
            returns=low.type_in(low.children(signature)),
            static=any(one.type == "static" for one in parts),
            fields=tuple(fields),
            chained=chained,
            redirects=redirects,
            overrides=overrides,
        )

    def _initializers(self, parts: Sequence[Node]) -> tuple[list[tuple[str, s.Expr]], s.Call | None]:
        fields: list[tuple[str, s.Expr]] = []
        chained: s.Call | None = None
        for node in parts:
            if node.type == "redirection":
                arguments = low.first(node, "arguments")
                names = [low.text(one) for one in low.named(node) if one.type == "identifier"]
                target: s.Expr = s.Self(low.line(node))
                if names:
                    target = s.Get(low.line(node), target=target, name=names[0])
                if arguments is not None:
                    chained = self._expressions.call(target, arguments, low.line(node))
            for entry in low.named(node) if node.type == "initializers" else ():
                inner = low.named(entry)
                if inner and inner[0].type == "field_initializer":
                    children = [one for one in low.children(inner[0]) if one.type not in ("this", ".")]
                    if len(children) > 2:
                        fields.append((low.text(children[0]), self._expressions.expr(children[2:])))
                elif inner and inner[0].type == "super":
                    found = self._expressions.expr([one for one in inner if one.type != "."])
                    chained = found if isinstance(found, s.Call) else chained
        return fields, chained


def _types(node: Node | None) -> tuple[s.TypeRef, ...]:
    """The types of `with A, B<C>` or `implements A, B`."""
    if node is None:
        return ()
    found: list[s.TypeRef] = []
    group: list[Node] = []
    for child in (*low.children(node), None):
        if child is None or child.type == ",":
            one = low.type_in(group)
            if one is not None:
                found.append(one)
            group = []
        elif child.type not in ("with", "implements", "on"):
            group.append(child)
    return tuple(found)
