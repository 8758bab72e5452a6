"""Requests: addresses and HTTP clients, and the Cloud Functions that they and `httpsCallable` call."""

from __future__ import annotations

from collections.abc import Sequence

from checkout.flutter import syntax as s
from checkout.flutter.core_values import CoreValues
from checkout.flutter.log import FunctionUse, Request
from checkout.flutter.values import (
    HOLE,
    Address,
    Alt,
    CloudFunction,
    Frame,
    MapValue,
    Str,
    Unknown,
    Vals,
    Value,
    choose,
    one,
)

_SENDS = {
    "get": "GET",
    "post": "POST",
    "put": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "head": "HEAD",
    "getUri": "GET",
    "postUri": "POST",
    "putUri": "PUT",
    "patchUri": "PATCH",
    "deleteUri": "DELETE",
    "read": "GET",
    "readBytes": "GET",
    "getUrl": "GET",
    "postUrl": "POST",
    "deleteUrl": "DELETE",
    "putUrl": "PUT",
    "request": "",
    "openUrl": "",
    "fetch": "",
    "connect": "",
    "launchUrl": "",
    "download": "GET",
}


class RequestValues(CoreValues):
    def address(
        self, name: str, args: Sequence[Vals], named: dict[str, Vals], call: s.Call, frame: Frame
    ) -> Vals:
        found: list[Alt] = []
        if name == "Uri":
            wanted = [named.get(part, one(Str(""))) for part in ("scheme", "host", "path")]
            for values, guard in choose(wanted):
                scheme, host, path = (text_of(value) for value in values)
                if "pathSegments" in named:
                    path = HOLE
                found.append(Alt(Address(f"{scheme or 'https'}://{host}/{path.lstrip('/')}"), guard))
            build = _build(wanted)
        else:
            for values, guard in choose(args[:2] if name in ("Uri.https", "Uri.http") else args[:1]):
                texts = [text_of(value) for value in values]
                text = texts[0] if texts else HOLE
                if name in ("Uri.https", "Uri.http"):
                    path = texts[1].lstrip("/") if len(texts) > 1 else ""
                    text = f"{name.removeprefix('Uri.')}://{text}/{path}"
                found.append(Alt(Address(text), guard))
            build = _build(args)
        places = [alt.value.place for vals in args for alt in vals if isinstance(alt.value, Str)]
        literal = next((place for place in reversed(places) if place is not None), None)
        for alt in found:
            if isinstance(alt.value, Address):
                self.asked_for(alt.value.text, "", build, call, frame, literal)
        return tuple(found) or one(Address(HOLE))

    def asked_for(
        self,
        address: str,
        method: str,
        build: str,
        call: s.Call,
        frame: Frame,
        literal: tuple[str, int] | None = None,
    ) -> None:
        self.log.requests.append(
            Request(**self.seen(call.line, frame), address=address, method=method, set_by_build=build)
        )
        last = address.partition("?")[0].rstrip("/").rpartition("/")[2]
        if last and HOLE not in last:
            use = FunctionUse(**self.seen(call.line, frame), name=last, literal=literal)
            self.log.functions.append(use)

    def request(
        self,
        method: str,
        name: str,
        args: Sequence[Vals],
        named: dict[str, Vals],
        call: s.Call,
        frame: Frame,
    ) -> None:
        """A request: `client.post(uri)`, `Request('POST', uri)`, `BaseOptions(baseUrl: x)`."""
        given = list(args[:1])
        verb = _SENDS.get(method)
        if name.rpartition(".")[2] in ("Request", "MultipartRequest", "StreamedRequest") and len(args) > 1:
            verb = next((text_of(alt.value) for alt in args[0]), "")
            given = list(args[1:2])
        elif method == "openUrl" and len(args) > 1:
            verb, given = next((text_of(alt.value) for alt in args[0]), ""), list(args[1:2])
        elif "baseUrl" in named or "baseURL" in named:
            verb, given = "", [named.get("baseUrl", named.get("baseURL", ()))]
        if verb is None:
            return
        for alt in named.get("options", ()) if not verb else ():
            if isinstance(alt.value, MapValue):  # `dio.request(path, options: Options(method: 'DELETE'))`
                verb = next((text_of(one.value) for one in alt.value.entries.get("method", ())), "")
        for vals in given:
            for alt in vals:
                if isinstance(alt.value, Address):  # what it calls was seen where it was made
                    request = Request(**self.seen(call.line, frame), address=alt.value.text, method=verb)
                    self.log.requests.append(request)
                elif isinstance(alt.value, Str) and ("/" in alt.value.text or "." in alt.value.text):
                    self.asked_for(alt.value.text, verb, alt.value.set_by_build, call, frame)

    def function_named(self, args: Sequence[Vals], call: s.Call, frame: Frame) -> Vals:
        """`httpsCallable(name)`."""
        found: list[Alt] = []
        for (value,), guard in choose(args[:1]):
            name = text_of(value)
            literal = value.place if isinstance(value, Str) else None
            use = FunctionUse(**self.seen(call.line, frame), name=name, literal=literal)
            self.log.functions.append(use)
            found.append(Alt(CloudFunction(name), guard))
        return tuple(found) or one(Unknown())

    def replaced(self, value: Address, named: dict[str, Vals], call: s.Call, frame: Frame) -> Vals:
        scheme, _, rest = value.text.partition("://")
        host, _, path = rest.partition("/")
        host = next((text_of(alt.value) for alt in named.get("host", ())), host)
        path = next((text_of(alt.value) for alt in named.get("path", ())), path)
        text = f"{scheme}://{host}/{path.lstrip('/')}"
        self.asked_for(text, "", "", call, frame)
        return one(Address(text))


def text_of(value: Value) -> str:
    return value.text if isinstance(value, (Str, Address)) else HOLE


def _build(groups: Sequence[Vals]) -> str:
    """The variable of the build that a text depends on."""
    return next(
        (
            alt.value.set_by_build
            for vals in groups
            for alt in vals
            if isinstance(alt.value, Str) and alt.value.set_by_build
        ),
        "",
    )
