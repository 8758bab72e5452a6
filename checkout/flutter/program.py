"""What names mean: the declarations of all files, found through imports, exports and parts."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from checkout.flutter import syntax as s
from checkout.flutter.sources import Sources, relative


@dataclass(frozen=True, eq=False)
class Function:
    """A function or method with its place. `owner` is the class that declares it."""

    decl: s.FnDecl
    file: str
    library: Library
    owner: Class | None = None

    @property
    def label(self) -> str:
        """As a message names it: `EventService.save`."""
        name = self.decl.name
        if self.owner is None:
            return name
        return f"{self.owner.name}.{name}" if name else self.owner.name


@dataclass(frozen=True, eq=False)
class Variable:
    """A field or a top-level variable with its place."""

    decl: s.VarDecl
    file: str
    library: Library
    owner: Class | None = None


@dataclass(eq=False)
class Class:
    """A class, mixin, enum or extension with its members."""

    decl: s.ClassDecl
    file: str
    library: Library
    functions: dict[tuple[str, str], Function] = field(default_factory=dict[tuple[str, str], Function])
    variables: dict[str, Variable] = field(default_factory=dict[str, Variable])

    @property
    def name(self) -> str:
        return self.decl.name


Declaration = Function | Variable | Class | s.TypeRef


@dataclass(eq=False)
class Library:
    """A file with its parts. Getters and setters of one name are in `names` once, as the getter."""

    file: str
    names: dict[str, Declaration] = field(default_factory=dict[str, Declaration])
    imports: list[tuple[Library, str]] = field(default_factory=list["tuple[Library, str]"])
    exports: list[Library] = field(default_factory=list["Library"])


class Program:
    """All declarations of an app.

    Args:
        sources: the parsed files.
        root_of: the folder of the app, to resolve `package:` addresses.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.libraries: dict[str, Library] = {}
        self.classes: list[Class] = []
        self.functions: list[Function] = []
        self.variables: list[Variable] = []
        self._by_name: dict[str, list[Declaration]] = {}
        self._methods: dict[str, list[Function]] = {}
        self._subclasses: dict[str, list[Class]] = {}
        self._extensions: dict[str, list[Class]] = {}
        self._found: dict[tuple[str, int], Declaration | None] = {}
        self._lineages: dict[int, Sequence[Class]] = {}
        self._members: dict[tuple[int, str, str, int], Function | None] = {}
        root = sources.packages[0].folder
        self._folders = {
            package.name: posixpath.normpath(posixpath.join(relative(package.folder, root), package.lib[0]))
            for package in reversed(sources.packages)
        }
        self._load(sources.units)

    def _load(self, units: Mapping[str, s.Unit]) -> None:
        owner = {file: file for file in units}
        for file, unit in units.items():
            for part in unit.parts:
                owner[self._resolve(part, file)] = file
        for file in units:
            if owner[file] == file:
                self.libraries[file] = Library(file)
        for file, unit in units.items():
            library = self.libraries.get(owner[file])
            if library is None:
                library = self.libraries[file] = Library(file)
            self._declare(unit, library)
            for uri, prefix in unit.imports:
                target = self.libraries.get(self._resolve(uri, file))
                if target is not None:
                    library.imports.append((target, prefix))
            for uri in unit.exports:
                target = self.libraries.get(self._resolve(uri, file))
                if target is not None:
                    library.exports.append(target)
        for one in self.classes:
            decl = one.decl
            for parent in (decl.superclass, *decl.mixins, *decl.interfaces):
                if parent is not None:
                    self._subclasses.setdefault(parent.name, []).append(one)

    def _resolve(self, uri: str, file: str) -> str:
        if uri.startswith("package:"):
            name, _, path = uri.removeprefix("package:").partition("/")
            folder = self._folders.get(name)
            return "" if folder is None else posixpath.normpath(posixpath.join(folder, path))
        if uri.startswith("dart:"):
            return ""
        return posixpath.normpath(posixpath.join(posixpath.dirname(file), uri))

    def _declare(self, unit: s.Unit, library: Library) -> None:
        def add(name: str, found: Declaration) -> None:
            before = library.names.get(name)
            if before is None or (isinstance(before, Function) and before.decl.kind == "set"):
                library.names[name] = found
            self._by_name.setdefault(name, []).append(found)

        for decl in unit.classes:
            one = Class(decl, unit.file, library)
            for fn in decl.functions:
                kind = {"get": "get", "set": "set", "constructor": "new", "factory": "new"}.get(
                    fn.kind, "call"
                )
                function = Function(fn, unit.file, library, one)
                one.functions[kind, fn.name] = function
                if kind == "call":
                    self._methods.setdefault(fn.name, []).append(function)
                self.functions.append(function)
            for variable in decl.variables:
                one.variables[variable.name] = Variable(variable, unit.file, library, one)
            self.classes.append(one)
            if decl.kind == "extension" and decl.on is not None:
                self._extensions.setdefault(decl.on.name, []).append(one)
            if decl.name:
                add(decl.name, one)
        for fn in unit.functions:
            function = Function(fn, unit.file, library)
            self.functions.append(function)
            add(fn.name, function)
        for variable in unit.variables:
            found = Variable(variable, unit.file, library)
            self.variables.append(found)
            add(variable.name, found)
        for name, kind in unit.aliases:
            add(name, kind)

    def find(self, name: str, library: Library) -> Declaration | None:
        """What a name of the top level means in a library; None if the app does not declare it."""
        key = (name, id(library))
        if key not in self._found:
            self._found[key] = self._find(name, library)
        return self._found[key]

    def _find(self, name: str, library: Library) -> Declaration | None:
        found = library.names.get(name)
        if found is not None:
            return found
        for imported, prefix in library.imports:
            if not prefix:
                found = self._exported(name, imported, set())
                if found is not None:
                    return found
        known = self._by_name.get(name, [])
        return known[0] if len(known) == 1 and not name.startswith("_") else None

    def prefixed(self, prefix: str, name: str, library: Library) -> Declaration | None:
        """What `prefix.name` means."""
        for imported, given in library.imports:
            if given == prefix:
                found = self._exported(name, imported, set())
                if found is not None:
                    return found
        return None

    def is_prefix(self, name: str, library: Library) -> bool:
        """Whether a name is the prefix of an import from the app."""
        return any(prefix == name for _, prefix in library.imports)

    def _exported(self, name: str, library: Library, seen: set[str]) -> Declaration | None:
        if library.file in seen or name.startswith("_"):
            return None
        seen.add(library.file)
        found = library.names.get(name)
        if found is not None:
            return found
        for one in library.exports:
            found = self._exported(name, one, seen)
            if found is not None:
                return found
        return None

    def class_of(self, name: str, library: Library | None) -> Class | None:
        """The class of this name, through type aliases."""
        for _ in range(5):
            found = self.find(name, library) if library is not None else self._only(name)
            if isinstance(found, s.TypeRef):
                name = found.name
                continue
            return found if isinstance(found, Class) else None
        return None

    def alias(self, name: str, library: Library) -> s.TypeRef | None:
        """The type that a name is an alias of."""
        found = self.find(name, library)
        return found if isinstance(found, s.TypeRef) else None

    def _only(self, name: str) -> Declaration | None:
        known = self._by_name.get(name, [])
        return known[0] if len(known) == 1 else None

    def lineage(self, one: Class) -> Sequence[Class]:
        """The class, its mixins and what they extend, in the order in which members are looked up."""
        if id(one) not in self._lineages:
            self._lineages[id(one)] = tuple(self._lineage(one))
        return self._lineages[id(one)]

    def _lineage(self, one: Class) -> Iterator[Class]:
        waiting = [one]
        seen: set[int] = set()
        while waiting:
            found = waiting.pop(0)
            if id(found) in seen:
                continue
            seen.add(id(found))
            yield found
            above = [*reversed(found.decl.mixins)]
            if found.decl.superclass is not None:
                above.append(found.decl.superclass)
            if found.decl.kind == "mixin" and found.decl.on is not None:
                above.append(found.decl.on)
            known = [self.class_of(parent.name, found.library) for parent in above]
            waiting = [*(parent for parent in known if parent is not None), *waiting]

    def method(self, one: Class, kind: str, name: str, *, above: Class | None = None) -> Function | None:
        """A member of a class or of what it extends; `above`: of what this one extends only."""
        key = (id(one), kind, name, id(above))
        if key not in self._members:
            self._members[key] = self._member(one, kind, name, above)
        return self._members[key]

    def _member(self, one: Class, kind: str, name: str, above: Class | None) -> Function | None:
        passed = above is None
        for found in self.lineage(one):
            if passed and (kind, name) in found.functions:
                return found.functions[kind, name]
            passed = passed or found is above
        return None

    def variable(self, one: Class, name: str) -> Variable | None:
        """A field of a class or of what it extends."""
        for found in self.lineage(one):
            if name in found.variables:
                return found.variables[name]
        return None

    def supertype(self, one: Class) -> Iterator[s.TypeRef]:
        """The types that the class and those above it extend, as written."""
        for found in self.lineage(one):
            if found.decl.superclass is not None:
                yield found.decl.superclass

    def subclasses(self, one: Class) -> Iterator[Class]:
        """The classes that extend or implement it, at any depth, not itself."""
        waiting = [one.name]
        seen = {one.name}
        while waiting:
            for found in self._subclasses.get(waiting.pop(0), []):
                if found.name not in seen:
                    seen.add(found.name)
                    waiting.append(found.name)
                    yield found

    def methods_named(self, name: str) -> list[Function]:
        """All methods of this name that have a body."""
        return [one for one in self._methods.get(name, []) if one.decl.body is not None]

    def extensions(self, *types: str) -> Iterator[Class]:
        """The extensions on any of these types."""
        for name in types:
            yield from self._extensions.get(name, [])
