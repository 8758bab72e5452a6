"""What names that the app does not declare do: Firebase's packages, HTTP clients, providers."""

from __future__ import annotations

from collections.abc import Sequence

from checkout.flutter import syntax as s
from checkout.flutter.request_values import RequestValues, text_of
from checkout.flutter.values import (
    DOCUMENT_ID,
    HOLE,
    NULL,
    Address,
    Alt,
    Arrived,
    Buffer,
    Closure,
    CloudFunction,
    Const,
    Db,
    Filter,
    Frame,
    ListValue,
    MapValue,
    Method,
    Object,
    Options,
    Provided,
    Sdk,
    Snapshot,
    Snapshots,
    Str,
    Unknown,
    Vals,
    Value,
    choose,
    one,
    union,
)

_READS_PROVIDER = ("read", "watch", "refresh", "listen", "listenManual", "select", "exists", "invalidate")
_COPIES = (
    "Map.from",
    "Map.of",
    "Map.unmodifiable",
    "LinkedHashMap.from",
    "HashMap.from",
    "Map.castFrom",
    "UnmodifiableMapView",
)
_LIST_COPIES = (
    "List.from",
    "List.of",
    "List.unmodifiable",
    "Set.from",
    "Set.of",
    "Future.wait",
    "List.castFrom",
)
_SAME = (
    "Future.value",
    "Stream.value",
    "Stream.fromFuture",
    "unawaited",
    "Future.sync",
    "Future",
    "Future.microtask",
)
_CALLS_ITS_FUNCTION = (
    "compute",
    "Future.microtask",
    "Future",
    "Future.sync",
    "Isolate.run",
    "runZonedGuarded",
)
_STREAMED = (
    "then",
    "map",
    "listen",
    "asyncMap",
    "whenComplete",
    "forEach",
    "asyncExpand",
    "where",
    "data",
    "when",
    "maybeWhen",
    "whenData",
    "whenOrNull",
    "doOnData",
    "switchMap",
    "flatMap",
    "tap",
)
_THROUGH = (
    "first",
    "last",
    "single",
    "future",
    "stream",
    "notifier",
    "value",
    "requireData",
    "data",
    "asStream",
    "timeout",
    "catchError",
    "handleError",
    "distinct",
    "asBroadcastStream",
    "onError",
    "ignore",
    "obs",
    "shareReplay",
    "valueOrNull",
    "requireValue",
)
# Methods of Dart and Flutter that a class of the app is not guessed for when nothing is known of the object.
_COMMON = {
    "add",
    "set",
    "get",
    "update",
    "delete",
    "where",
    "orderBy",
    "limit",
    "doc",
    "collection",
    "map",
    "then",
    "call",
    "toString",
    "listen",
    "show",
    "of",
    "build",
    "dispose",
    "init",
    "close",
    "cancel",
    "clear",
    "push",
    "pop",
    "forEach",
    "contains",
    "remove",
    "addAll",
    "toList",
    "join",
    "start",
    "stop",
    "read",
    "watch",
    "write",
    "log",
    "open",
    "copyWith",
    "compareTo",
    "toJson",
    "toMap",
    "fromJson",
    "load",
    "reset",
    "complete",
    "addListener",
    "removeListener",
    "format",
    "parse",
    "split",
    "trim",
    "setState",
    "initState",
}
_MOST_GUESSES = 3


class PlatformValues(RequestValues):
    def of_platform(
        self, name: str, args: Sequence[Vals], named: dict[str, Vals], call: s.Call, frame: Frame
    ) -> Vals:
        """The result of calling a name that the app does not declare, such as `Uri.parse`."""
        plain = name.rpartition(":")[2]
        last = plain.rpartition(".")[2]
        if plain.endswith(
            ("FirebaseFirestore.instanceFor", "FakeFirebaseFirestore", "FirebaseFirestore.instance")
        ):
            return one(Db())
        found = self._constant(plain, args, named, call, frame)
        if found is not None:
            return found
        if plain in _CALLS_ITS_FUNCTION or plain == "Future.delayed":
            at = 1 if plain == "Future.delayed" else 0
            for alt in args[at] if len(args) > at else ():
                if isinstance(alt.value, Closure):
                    return self.call_closure(alt.value, args[at + 1 :], {})
        if plain in _SAME and args:
            return args[0]
        if plain == "StringBuffer":
            return one(Buffer(args[0] if args else one(Str(""))))
        if plain in _COPIES and args:
            copy = MapValue(created=self.guard, line=call.line, file=frame.file)
            for alt in args[0]:
                self.spread(copy, alt.value)
            return one(copy)
        if plain in _LIST_COPIES and args:
            return args[0]
        decoded = self.decoded(plain, args)
        if decoded is not None:
            self.say(decoded, call.line, frame)
            return decoded
        first = plain.partition(".")[0]
        if first.endswith("Provider") and (args or named):
            made = self._made(args, named)
            if made:
                return one(Provided(made, call.types[0] if call.types else None))
        if first.startswith("_$") and last.endswith(("ToJson", "ToMap")) and args:
            return self._generated_map(args[0])
        if last == "httpsCallable":
            return self.function_named(args, call, frame)
        self.request(last, plain, args, named, call, frame)
        self._escape(args, named, call, frame)
        known = self._by_type(call, frame)
        if known is not None:
            return known
        return one(
            Unknown(s.TypeRef(plain, call.types) if plain[:1].isupper() and "." not in plain else None)
        )

    def _constant(
        self, name: str, args: Sequence[Vals], named: dict[str, Vals], call: s.Call, frame: Frame
    ) -> Vals | None:
        """An object of a class of Firebase or `dart:core` that has a meaning for the checks."""
        if name.endswith("Uri") and name != "Uri":
            return None
        if name.endswith("SetOptions"):
            merges = {alt.value for alt in named.get("merge", ())} - {Const(False)}
            return one(Options(merge=bool(merges) or "mergeFields" in named))
        if name.endswith("Filter") and name.rpartition(".")[2] == "Filter" and args:
            found = [
                (Filter("and", parts=filters) if len(filters) != 1 else filters[0], together)
                for (first,), guard in choose(args[:1])
                for filters, together in self.clauses(first, named, guard)
            ]
            return tuple(Alt(value, guard) for value, guard in found)
        if name.endswith(("Filter.and", "Filter.or")):
            kind = name.rpartition(".")[2]
            found = [
                (Filter(kind, parts=tuple(one for one in chosen if isinstance(one, Filter))), guard)
                for chosen, guard in choose(args)
            ]
            return tuple(Alt(value, guard) for value, guard in found)
        if name in ("sum", "average") and len(args) == 1:
            return (
                tuple(
                    Alt(Filter("sum", alt.value.text), alt.guard)
                    for alt in args[0]
                    if isinstance(alt.value, Str)
                )
                or None
            )
        if name.rpartition(".")[2] == "Options" and "method" in named:  # of the package dio
            return one(MapValue({"method": named["method"]}, open=True))
        if name.endswith("FieldPath.fromString") and args:
            return args[0]
        if name.rpartition(".")[2] == "FieldPath" and args:
            return one(self._field_path(args[0]))
        if name.endswith("String.fromEnvironment"):
            variable = next(
                (alt.value.text for vals in args for alt in vals if isinstance(alt.value, Str)), "?"
            )
            default = named.get("defaultValue", one(Str("")))
            return tuple(
                Alt(
                    Str(alt.value.text if isinstance(alt.value, Str) else HOLE, set_by_build=variable),
                    alt.guard,
                )
                for alt in default
            )
        if name in ("Uri.parse", "Uri.tryParse", "Uri.https", "Uri.http", "Uri"):
            return self.address(name, args, named, call, frame)
        if name.rpartition(".")[2] == "FirebaseOptions":
            return self._options(named.get("projectId", ()), call, frame)
        if name.endswith("FirebaseOptions.fromMap"):
            maps = [alt.value for alt in args[0] if isinstance(alt.value, MapValue)] if args else []
            return self._options(union(*(one.entries.get("projectId", ()) for one in maps), ()), call, frame)
        return None

    def _options(self, project: Vals, call: s.Call, frame: Frame) -> Vals:
        """FirebaseOptions of a project."""
        line = next((value.line for label, value in call.named if label == "projectId"), call.line)
        self.log.options.append((self.place(line, frame), project))
        return one(Unknown(s.TypeRef("FirebaseOptions")))

    def _field_path(self, values: Vals) -> Str:
        for alt in values:
            if isinstance(alt.value, ListValue) and not alt.value.open:
                parts = [item[0].value for item in alt.value.items if item]
                texts = [part.text for part in parts if isinstance(part, Str)]
                if len(texts) == len(parts):
                    return Str(".".join(texts))
        return Str(HOLE)

    def _escape(self, args: Sequence[Vals], named: dict[str, Vals], call: s.Call, frame: Frame) -> None:
        """What is handed to code that is not the app's: queries are sent there, functions called."""
        for vals in (*args, *named.values()):
            self.ask_if_query(vals, call.line, frame)
            for alt in vals:
                if isinstance(alt.value, Method):  # `onPressed: document.delete`
                    self.call_value((alt,), (), {}, s.Call(alt.value.line), frame)
        source = named.get("stream", named.get("future"))
        if call.types and isinstance(call.target, s.Name) and call.target.id == "on":  # of a bloc
            for alt in args[0] if args else ():
                if isinstance(alt.value, Closure):
                    event = self.typed(call.types[0], frame.library)
                    self.call_closure(alt.value, [event, one(Unknown())], {})
        for label in ("builder", "itemBuilder") if source is not None else ():
            for alt in named.get(label, ()):
                if isinstance(alt.value, Closure):
                    self.call_closure(alt.value, [one(Unknown()), one(Arrived(source or ()))], {})

    def _made(self, args: Sequence[Vals], named: dict[str, Vals]) -> Vals:
        found: list[Alt] = []
        for vals in (*args, *named.values()):
            for alt in vals:
                if isinstance(alt.value, Closure):
                    alt.value.was_called = True
                    found.append(alt)
        return tuple(found)

    def provided(self, value: Provided, frame: Frame) -> Vals:
        """What a provider gives: the result of its function, or an object of its type."""
        key = id(value)
        if key in self.in_progress:
            return self.typed(value.type, frame.library)
        self.in_progress.add(key)
        try:
            found = [
                self.call_closure(alt.value, (), {}) for alt in value.make if isinstance(alt.value, Closure)
            ]
        finally:
            self.in_progress.discard(key)
        values = union(*found, ()) if found else ()
        if not values or all(type(alt.value) is Unknown for alt in values):
            return self.typed(value.type, frame.library)
        return values

    def _generated_map(self, values: Vals) -> Vals:
        """`_$EventToJson(this)` of json_serializable, where the generated file is not there."""
        return tuple(
            Alt(self.as_map(alt.value), alt.guard)
            if isinstance(alt.value, Object)
            else Alt(Unknown(), alt.guard)
            for alt in values
        )

    def _by_type(self, call: s.Call, frame: Frame) -> Vals | None:
        """`getIt<EventService>()`, `context.read<EventService>()`: an object of that class."""
        if len(call.types) != 1:
            return None
        found = self.typed(call.types[0], frame.library)
        return None if type(found[0].value) is Unknown else found

    def of_unknown(
        self,
        value: Value,
        name: str,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame,
    ) -> Vals:
        """A method of an object of which at most the type is known."""
        if name in _READS_PROVIDER:
            for vals in args[:1]:
                for alt in vals:
                    if isinstance(alt.value, Provided):
                        return self.provided(alt.value, frame)
                    if isinstance(alt.value, Object):
                        return one(alt.value)
        if name == "httpsCallable":
            return self.function_named(args, call, frame)
        if name in ("httpsCallableFromUrl", "httpsCallableFromUri"):
            self.request("request", "", args, named, call, frame)
            return one(CloudFunction(HOLE))
        if name == "copyWith" and "projectId" in named:
            return self._options(named["projectId"], call, frame)
        if name == "resolve" and isinstance(value, Address) and args:
            return one(
                Address(
                    value.text.rstrip("/") + "/" + next((text_of(a.value) for a in args[0]), HOLE).lstrip("/")
                )
            )
        if name == "replace" and isinstance(value, Address):
            return self.replaced(value, named, call, frame)
        self.request(name, "", args, named, call, frame)
        self._escape(args, named, call, frame)
        known = self._by_type(call, frame)
        if known is not None:
            return known
        if type(value) is Unknown:
            kind = value.type.name if value.type is not None else ""
            found = self.of_extension((kind,), one(value), name, call.line, frame) if kind else None
            if found is not None:
                return self.call_value(found, args, named, call)
            if not kind or kind in ("dynamic", "Object", "var"):
                return self._guess(name, args, named, call, frame)
        return one(Unknown())

    def _guess(
        self, name: str, args: Sequence[Vals], named: dict[str, Vals], call: s.Call, frame: Frame
    ) -> Vals:
        """The methods of the app that have this name and these parameters, if they are few."""
        if name in _COMMON:
            return one(Unknown())
        found: list[Vals] = []
        candidates = [
            one
            for one in self.program.methods_named(name)
            if not one.decl.static
            and {*named} <= {param.name for param in one.decl.params if param.named}
            and len(args) <= sum(not param.named for param in one.decl.params)
        ]
        for function in candidates if len(candidates) <= _MOST_GUESSES else ():
            owner = function.owner
            if owner is None:
                continue
            on = owner.decl.on
            extension = owner.decl.kind == "extension"
            this = self.typed(on, function.library) if extension else one(Object(owner))
            self.called(function, call.line, frame)
            found.append(self.call_function(function, this, args, named))
        return union(*found, ()) if found else one(Unknown())

    def streamed(self, value: Value, name: str, args: Sequence[Vals], named: dict[str, Vals]) -> Vals | None:
        """A method of a Future or Stream, which the interpreter takes for what it gives."""
        if isinstance(value, (ListValue, MapValue, Str)) or name not in (*_STREAMED, *_THROUGH):
            return None
        if name in _THROUGH:
            return one(value)
        given = (*args[:1], *(vals for label, vals in named.items() if label == "data"))
        results = [
            result
            for vals in given
            for alt in vals
            if (result := self.apply(alt.value, [one(value)])) is not None
        ]
        if name in ("listen", "forEach"):
            return one(Unknown())
        return union(*results, ()) if results else one(value)

    def platform_member(self, value: Value, name: str, frame: Frame) -> Vals:
        """What `value.name` is for a value that is not of the app."""
        if isinstance(value, Sdk):
            full = f"{value.name}.{name}"
            if full.endswith("FirebaseFirestore.instance"):
                return one(Db())
            if full.endswith("FieldPath.documentId"):
                return one(Str(DOCUMENT_ID))
            return one(Sdk(full))
        if isinstance(value, Arrived) and name in ("data", "requireData"):
            return value.data or one(Unknown())
        if isinstance(value, Provided):
            return one(value)
        if isinstance(value, Snapshots | Snapshot) and name in _THROUGH:
            return one(value)
        if isinstance(value, CloudFunction) and name == "call":
            return one(value)
        if isinstance(value, Unknown) and value.type is not None:
            found = self.of_extension((value.type.name,), one(value), name, 0, frame)
            if found is not None:
                return found
            if value.type.name == "Map" and name in ("values", "keys", "entries"):
                return one(ListValue([one(Unknown())], open=True))
        if value == NULL:
            return one(NULL)
        return one(Unknown())
