"""The syntax of Dart as the checks need it: what `checkout.flutter.lowering` makes of tree-sitter's nodes.

tree-sitter's Dart grammar writes `a.b(c)` as a list of siblings; here it is a tree. `line` counts from 1.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TypeRef:
    """A type as written, without its prefix: `Query<Map<String, dynamic>>?`."""

    name: str
    args: tuple[TypeRef, ...] = ()


@dataclass(frozen=True, eq=False)
class Expr:
    """Any expression; one of this class itself is of no interest, except for its parts."""

    line: int
    parts: tuple[Expr, ...] = ()


@dataclass(frozen=True, eq=False)
class Name(Expr):
    id: str = ""


@dataclass(frozen=True, eq=False)
class Text(Expr):
    """A string, with adjacent ones joined; an expression in it is a piece of its own."""

    pieces: tuple[str | Expr, ...] = ()


@dataclass(frozen=True, eq=False)
class Literal(Expr):
    """A number, a boolean or null."""

    value: float | bool | None = None


@dataclass(frozen=True, eq=False)
class Self(Expr):
    """`this`, or `super` if `of_super`."""

    of_super: bool = False


@dataclass(frozen=True, eq=False)
class Get(Expr):
    target: Expr | None = None  # None: what a cascade is about, or the type of a dot shorthand
    name: str = ""


@dataclass(frozen=True, eq=False)
class Index(Expr):
    target: Expr | None = None
    key: Expr | None = None


@dataclass(frozen=True, eq=False)
class Call(Expr):
    target: Expr | None = None
    args: tuple[Expr, ...] = ()
    named: tuple[tuple[str, Expr], ...] = ()
    types: tuple[TypeRef, ...] = ()


@dataclass(frozen=True, eq=False)
class Cascade(Expr):
    """`target..a()..b = c`: in a section, the innermost target is None."""

    target: Expr | None = None
    sections: tuple[Expr, ...] = ()


@dataclass(frozen=True, eq=False)
class Pair(Expr):
    """An entry of a map."""

    key: Expr | None = None
    value: Expr | None = None


@dataclass(frozen=True, eq=False)
class Spread(Expr):
    value: Expr | None = None


@dataclass(frozen=True, eq=False)
class Collection(Expr):
    """A list, set or map; an element can be a Pair, a Spread, a Conditional or a ForElement."""

    elements: tuple[Expr, ...] = ()
    is_list: bool = False


@dataclass(frozen=True, eq=False)
class ForElement(Expr):
    variables: tuple[str, ...] = ()
    type: TypeRef | None = None
    over: Expr | None = None
    body: Expr | None = None


@dataclass(frozen=True, eq=False)
class Conditional(Expr):
    """`test ? then : other`, or an `if` in a collection, whose `other` can be None."""

    test: Expr | None = None
    then: Expr | None = None
    other: Expr | None = None


@dataclass(frozen=True, eq=False)
class Binary(Expr):
    """Two operands; a longer chain is a tree to the left."""

    operator: str = ""
    left: Expr | None = None
    right: Expr | None = None


@dataclass(frozen=True, eq=False)
class Not(Expr):
    value: Expr | None = None


@dataclass(frozen=True, eq=False)
class Assign(Expr):
    target: Expr | None = None
    operator: str = "="
    value: Expr | None = None


@dataclass(frozen=True, eq=False)
class Await(Expr):
    value: Expr | None = None


@dataclass(frozen=True, eq=False)
class Cast(Expr):
    """`value as type`; without a type `value!`."""

    value: Expr | None = None
    type: TypeRef | None = None


@dataclass(frozen=True, eq=False)
class Is(Expr):
    value: Expr | None = None
    type: TypeRef | None = None
    negated: bool = False


@dataclass(frozen=True, eq=False)
class Throw(Expr):
    value: Expr | None = None


@dataclass(frozen=True, eq=False)
class Record(Expr):
    args: tuple[Expr, ...] = ()
    named: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, eq=False)
class Case:
    """One case of a switch: the constants that it names (empty: any), and what it is."""

    constants: tuple[Expr, ...] = ()
    binds: tuple[str, ...] = ()
    is_default: bool = False
    body: tuple[Stmt, ...] = ()
    value: Expr | None = None


@dataclass(frozen=True, eq=False)
class SwitchExpr(Expr):
    subject: Expr | None = None
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True)
class Param:
    name: str
    type: TypeRef | None = None
    default: Expr | None = None
    named: bool = False
    of_field: bool = False
    of_super: bool = False
    optional: bool = False
    key: str = ""  # its name in JSON, where an annotation gives one


@dataclass(frozen=True, eq=False)
class Fn(Expr):
    """A function expression."""

    params: tuple[Param, ...] = ()
    body: tuple[Stmt, ...] = ()


@dataclass(frozen=True, eq=False)
class Stmt:
    line: int


@dataclass(frozen=True, eq=False)
class Do(Stmt):
    value: Expr


@dataclass(frozen=True, eq=False)
class Var(Stmt):
    name: str
    type: TypeRef | None
    value: Expr | None


@dataclass(frozen=True, eq=False)
class Unpack(Stmt):
    """`final (a, :b) = value`: the names, in order."""

    names: tuple[str, ...]
    value: Expr


@dataclass(frozen=True, eq=False)
class If(Stmt):
    test: Expr
    binds: tuple[str, ...]
    then: tuple[Stmt, ...]
    other: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class ForIn(Stmt):
    names: tuple[str, ...]
    type: TypeRef | None
    over: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class Loop(Stmt):
    """`for`, `while` and `do`: the body runs any number of times."""

    init: tuple[Stmt, ...]
    test: Expr | None
    body: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class Switch(Stmt):
    subject: Expr
    cases: tuple[Case, ...]


@dataclass(frozen=True, eq=False)
class Try(Stmt):
    body: tuple[Stmt, ...]
    handlers: tuple[tuple[Stmt, ...], ...]
    last: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class Return(Stmt):
    value: Expr | None


@dataclass(frozen=True, eq=False)
class Yield(Stmt):
    value: Expr


@dataclass(frozen=True, eq=False)
class Leave(Stmt):
    """`break` and `continue`."""


@dataclass(frozen=True, eq=False)
class Block(Stmt):
    body: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class LocalFn(Stmt):
    name: str
    function: Fn


@dataclass(frozen=True, eq=False)
class FnDecl:
    """A function, method, getter, setter or constructor.

    `kind` is "function", "get", "set", "constructor" or "factory". `body` is None for an abstract or external
    one. `fields` are the initializers of a constructor, `chained` its call of another one (`super(...)` or
    `this(...)`), `redirects` the class that a redirecting factory names.
    """

    name: str
    line: int
    params: tuple[Param, ...] = ()
    body: tuple[Stmt, ...] | None = None
    kind: str = "function"
    returns: TypeRef | None = None
    static: bool = False
    fields: tuple[tuple[str, Expr], ...] = ()
    chained: Call | None = None
    redirects: str = ""
    overrides: bool = False  # `@override`


@dataclass(frozen=True, eq=False)
class VarDecl:
    """A field or a top-level variable."""

    name: str
    line: int
    type: TypeRef | None = None
    value: Expr | None = None
    static: bool = False
    fixed: bool = False
    key: str = ""  # its name in JSON, where an annotation gives one


@dataclass(frozen=True, eq=False)
class ClassDecl:
    """A class, mixin, enum or extension (type). `on` is the type that an extension extends."""

    name: str
    line: int
    kind: str = "class"
    abstract: bool = False
    superclass: TypeRef | None = None
    mixins: tuple[TypeRef, ...] = ()
    interfaces: tuple[TypeRef, ...] = ()
    on: TypeRef | None = None
    functions: tuple[FnDecl, ...] = ()
    variables: tuple[VarDecl, ...] = ()
    constants: tuple[tuple[str, Call], ...] = ()
    type_params: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Unit:
    """One file. `imports` are (uri, prefix), `parts` the files it consists of besides itself."""

    file: str
    classes: tuple[ClassDecl, ...] = ()
    functions: tuple[FnDecl, ...] = ()
    variables: tuple[VarDecl, ...] = ()
    aliases: tuple[tuple[str, TypeRef], ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    exports: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    part_of: str = ""
    errors: tuple[int, ...] = ()
    annotations: tuple[Expr, ...] = ()
