"""Dart as a tree: what the grammar writes as siblings, and what it reads as something else."""

from __future__ import annotations

import pytest

from checkout.flutter import syntax as s
from checkout.flutter.unit_lowering import parse

pytestmark = pytest.mark.unit


def value(code: str) -> s.Expr:
    """The expression of `final x = ...;`."""
    unit = parse(f"final x = {code};".encode(), "a.dart")
    assert not unit.errors
    found = unit.variables[0].value
    assert found is not None
    return found


def shown(found: object) -> str:
    """An expression on one line."""
    if isinstance(found, s.Name):
        return found.id
    if isinstance(found, s.Get):
        return f"{shown(found.target)}.{found.name}"
    if isinstance(found, s.Index):
        return f"{shown(found.target)}[{shown(found.key)}]"
    if isinstance(found, s.Call):
        types = f"<{','.join(one.name for one in found.types)}>" if found.types else ""
        args = [shown(one) for one in found.args] + [f"{name}: {shown(one)}" for name, one in found.named]
        return f"{shown(found.target)}{types}({', '.join(args)})"
    if isinstance(found, s.Literal):
        return repr(found.value)
    if isinstance(found, s.Text):
        return (
            "'" + "".join(one if isinstance(one, str) else f"${{{shown(one)}}}" for one in found.pieces) + "'"
        )
    if isinstance(found, s.Cascade):
        return f"{shown(found.target)}{{{'; '.join(map(shown, found.sections))}}}"
    if isinstance(found, s.Assign):
        return f"{shown(found.target)} {found.operator} {shown(found.value)}"
    if isinstance(found, s.Conditional):
        return f"({shown(found.test)} ? {shown(found.then)} : {shown(found.other)})"
    if isinstance(found, s.Binary):
        return f"({shown(found.left)} {found.operator} {shown(found.right)})"
    if isinstance(found, s.Cast):
        return (
            f"{shown(found.value)}!" if found.type is None else f"({shown(found.value)} as {found.type.name})"
        )
    if isinstance(found, s.Await):
        return f"await {shown(found.value)}"
    if isinstance(found, s.Collection):
        inner = ", ".join(map(shown, found.elements))
        return f"[{inner}]" if found.is_list else f"{{{inner}}}"
    if isinstance(found, s.Pair):
        return f"{shown(found.key)}: {shown(found.value)}"
    if isinstance(found, s.Spread):
        return f"...{shown(found.value)}"
    if isinstance(found, s.Not):
        return f"!{shown(found.value)}"
    if isinstance(found, s.Self):
        return "super" if found.of_super else "this"
    return "_" if found is None else type(found).__name__


@pytest.mark.parametrize(
    ("code", "tree"),
    [
        ("a.b(c).d", "a.b(c).d"),
        ("a?.b?['c']!.d()", "a.b['c']!.d()"),
        ("const Foo<int>.named(1, x: 2)", "Foo.named(1.0, x: 2.0)"),
        ("new Foo()", "Foo()"),
        ("Foo<int>.named(1)", "Foo.named(1.0)"),
        ("context.read<Foo>().bar()", "context.read<Foo>().bar()"),
        ("db.runTransaction<int>((tx) => 1)", "db.runTransaction<int>(Fn)"),
        ("f<Foo>(a).b()", "f<Foo>(a).b()"),
        ("a < b", "(a < b)"),
        ("'a' \"b\" r'$c'", "'ab$c'"),
        ("'a$b${c.d(1)}e'", "'a${b}${c.d(1.0)}e'"),
        (r"'\u0061\x62\u{63}\n\$'", "'abc\n$'"),
        ("'''a\n'b'''", "'a\n'b'"),
        ("a..b()..c = 1..['d'] = 2", "a{_.b(); _.c = 1.0; _['d'] = 2.0}"),
        ("a ?? b", "(a ?? b)"),
        ("a ? b.c() : d", "(a ? b.c() : d)"),
        ("!a && b || c", "(!a && (b || c))"),
        ("{'a': 1, ...b, if (c) 'd': 2}", "{'a': 1.0, ...b, (c ? 'd': 2.0 : _)}"),
        ("[1, ...?a, if (b) 2 else 3]", "[1.0, ...a, (b ? 2.0 : 3.0)]"),
        ("<String>[]", "[]"),
        ("(x as Foo).y", "(x as Foo).y"),
        ("-1", "-1.0"),
        ("0xff", "255.0"),
    ],
)
def test_expressions(code: str, tree: str) -> None:
    assert shown(value(code)) == tree


def test_declarations() -> None:
    unit = parse(
        b"""import 'package:a/b.dart' as x hide Q;
export 'c.dart';
part 'd.g.dart';
@freezed
sealed class A<T extends Object> extends B<int> with M, N implements I {
  const A(this.a, {required super.key, int c = 1}) : d = c, super(1);
  const factory A.f(@JsonKey(name: 'k') @Default(2) int z) = _A;
  static const kA = 'x', kB = 'y';
  late final List<String>? names;
  Stream<int> get g async* { yield 1; }
  external int foo();
}
enum E { one('1'), two('2'); const E(this.v); final String v; }
extension on String { int get n => 1; }
typedef Json = Map<String, dynamic>;
const int top = 1;
String f(String a, [int b = 2]) => a;
""",
        "a.dart",
    )
    assert not unit.errors
    assert (unit.imports, unit.exports, unit.parts) == (
        (("package:a/b.dart", "x"),),
        ("c.dart",),
        ("d.g.dart",),
    )
    a, e, extension = unit.classes
    assert (a.name, a.abstract, a.superclass, a.type_params) == (
        "A",
        True,
        s.TypeRef("B", (s.TypeRef("int"),)),
        ("T",),
    )
    assert [one.name for one in (*a.mixins, *a.interfaces)] == ["M", "N", "I"]
    constructor, factory, getter, foreign = a.functions
    assert [(one.name, one.of_field, one.of_super, one.optional) for one in constructor.params] == [
        ("a", True, False, False),
        ("key", False, True, False),
        ("c", False, False, True),
    ]
    assert [name for name, _ in constructor.fields] == ["d"]
    assert constructor.chained is not None
    assert (factory.name, factory.redirects, factory.params[0].key) == ("f", "_A", "k")
    assert isinstance(factory.params[0].default, s.Literal)
    assert (getter.kind, foreign.body) == ("get", None)
    assert [(one.name, one.static, one.fixed) for one in a.variables] == [
        ("kA", True, True),
        ("kB", True, True),
        ("names", False, True),
    ]
    assert [name for name, _ in e.constants] == ["one", "two"]
    assert extension.on == s.TypeRef("String")
    assert unit.aliases[0][0] == "Json"
    assert (unit.variables[0].name, unit.functions[0].params[1].optional) == ("top", True)


def test_statements() -> None:
    unit = parse(
        b"""void f(x) async {
  int a = 1, b = 2;
  final (c, :d) = g();
  if (x case Foo(:final y) when y > 1) { h(); } else if (x == null) i(); else { j(); }
  for (final e in x) k(e);
  await for (final e in x) {}
  for (var i = 0; i < 3; i++) l(i);
  while (x) { break; }
  do { m(); } while (x);
  try { n(); } on E catch (e) { o(); } finally { p(); }
  switch (x) { case 'a': case 'b': q(); break; case 1 || 2: r(); default: t(); }
  void local(int z) => u(z);
  yield* v;
  rethrow;
}
""",
        "a.dart",
    )
    assert not unit.errors
    body = unit.functions[0].body
    assert body is not None
    assert [type(one).__name__ for one in body] == [
        "Var", "Var", "Unpack", "If", "ForIn", "ForIn", "Loop", "Loop", "Loop", "Try", "Switch", "LocalFn",
        "Yield", "Do",
    ]  # fmt: skip
    test, switch = body[3], body[10]
    assert isinstance(test, s.If)
    assert test.binds == ("y",)
    assert isinstance(switch, s.Switch)
    assert [len(one.constants) for one in switch.cases] == [2, 2, 0]
    assert switch.cases[2].is_default


def test_what_is_not_dart_has_its_line() -> None:
    assert parse(b"void f() {}\nclass {{{\n", "a.dart").errors[0] == 2
