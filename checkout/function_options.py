"""The options of one function in a manifest: memory, CPU, scaling, network, labels, secrets, callers.

Expressions are evaluated, null is the default, and the limits are those of Cloud Functions (2nd gen) and
Cloud Run. Combinations that Cloud Run rejects only during the rollout (a fraction of a CPU with concurrency,
too little memory for the CPUs) are problems, because then half of a deployment has happened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from checkout.endpoints import Network
from checkout.params import ExpressionError, Params, UnresolvedError
from settings.parsing import kind_of, mapping, not_known, sequence, strings
from settings.problems import Problem
from settings.regions import FUNCTION_REGIONS
from settings.variables import function_variable
from user_errors import add_fix

# CPU by memory: the defaults of the 2nd generation, and those of the 1st (firebase-tools, `gcf_gen1`).
_CPU = {128: 1, 256: 1, 512: 1, 1024: 1, 2048: 1, 4096: 2, 8192: 2, 16384: 4, 32768: 8}
_CPU_GEN1 = {
    128: 0.0833, 256: 0.1666, 512: 0.3333, 1024: 0.5833, 2048: 1, 4096: 2, 8192: 2, 16384: 4, 32768: 8,
}  # fmt: skip
_WHOLE_CPUS = (1, 2, 4, 6, 8)
# Cloud Run docs, "CPU limits" and "memory limits": least CPU for more memory than, least memory for CPUs.
_LEAST_CPU = ((16384, 6), (8192, 4), (4096, 2), (1024, 1), (512, 0.5))
_LEAST_MEMORY = {4: 2048, 6: 4096, 8: 4096}
_INGRESS = ("ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB")
_EGRESS = ("PRIVATE_RANGES_ONLY", "ALL_TRAFFIC")
_REGION = re.compile(r"[a-z][a-z0-9-]*")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_LABEL_RESERVED = ("deployment-", "firebase", "goog")
_MAX_LABELS = 64 - 4  # of a resource (Resource Manager docs, labels), less those that this program adds
_SMALL_CPU_REGIONS = ("asia-northeast3", "asia-south2", "australia-southeast2")  # firebase-tools 15.34
_CONNECTOR = re.compile(r"(?:projects/[^/]+/locations/[^/]+/connectors/)?[a-z](?:[a-z0-9-]{0,23}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Options:
    """Reads the options of one endpoint. Problems and warnings are added to the given lists.

    `where` is "<codebase>: <export>", `project` the Google project's id. Each method returns the default if
    the option is not set.
    """

    def __init__(
        self,
        where: str,
        entry: Mapping[str, object],
        params: Params,
        project: str,
        problems: list[Problem],
        warnings: list[str],
    ) -> None:
        self._where, _, self._name = where.partition(": ")
        self._entry = entry
        self._params = params
        self._project = project
        self._problems = problems
        self._warnings = warnings

    def _add(self, what: str, fix: str = "") -> None:
        fix = fix or f"Correct the options of {self._name}."
        self._problems.append(Problem(key=self._where, what=f"{self._name}: {what}", fix=fix))

    def resolved(self, value: object) -> object:
        """`value` with its expressions evaluated; None after a problem."""
        try:
            return self._params.resolve(value)
        except UnresolvedError as error:
            if error.name not in self._params.declared:  # a declared one is reported once, with its type
                fix = error.fix or f"Declare the param {error.name}, or correct its name."
                self._add(f"{value}: {error}.", fix)
        except ExpressionError as error:
            self._add(f"{error}.", f"Simplify the expression in the options of {self._name}.")
        return None

    def _get(self, key: str) -> object:
        return self.resolved(self._entry.get(key))

    def boolean(self, key: str) -> bool | None:
        """A boolean, or None."""
        return self.boolean_of(self._entry.get(key), key)

    def boolean_of(self, value: object, what: str) -> bool | None:
        """The same for a value from elsewhere in the endpoint."""
        found = self.resolved(value)
        if found is None or isinstance(found, bool):
            return found
        self._add(f"{what} must be a boolean, but is {kind_of(found)}.")
        return None

    def integer(self, value: object, what: str, low: int, high: int) -> int | None:
        """An integer from `low` to `high`, or None."""
        found = self.resolved(value)
        if found is None:
            return None
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            shown = found if isinstance(found, int | float) else kind_of(found)
            self._add(f"{what} is {shown}, but must be an integer from {low} to {high}.")
            return None
        return found

    def number(self, value: object, what: str, low: float, high: float) -> float | None:
        """A number from `low` to `high`, or None."""
        found = self.resolved(value)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float) or not low <= found <= high:
            shown = f"{found:g}" if isinstance(found, int | float) else kind_of(found)
            self._add(f"{what} is {shown}, but must be a number from {low:g} to {high:g}.")
            return None
        return found

    def environment(self) -> dict[str, str]:
        """The environment variables that the endpoint itself declares."""
        found = self.strings_by_name("environmentVariables")
        for name in found:
            if wrong := function_variable(name):
                self._add(f"the variable {name} {wrong}.", f"Rename or remove it in {self._name}.")
        return found

    def strings_by_name(self, key: str) -> dict[str, str]:
        """An object of strings."""
        return self.strings_by_name_of(self._entry.get(key), key)

    def strings_by_name_of(self, value: object, what: str) -> dict[str, str]:
        """The same for a value from elsewhere in the endpoint."""
        entries = mapping(value)
        if entries is None and value is not None:
            self._add(f"{what} must be an object, but is {kind_of(value)}.")
        found: dict[str, str] = {}
        for key, item in (entries or {}).items():
            resolved = self.resolved(item)
            if isinstance(resolved, str):
                found[key] = resolved
            elif resolved is not None:
                self._add(f"{what}.{key} must be a string, but is {kind_of(resolved)}.")
        return found

    def regions(self, default: str) -> tuple[str, ...]:
        """The regions in order, without duplicates. An unknown region is a warning: Google adds regions."""
        value = self._get("region")
        found = (default,) if value is None else (value,) if isinstance(value, str) else strings(value)
        if not found:
            self._add(f"region must be a string or a list of strings, but is {kind_of(value)}.")
            return ()
        regions: list[str] = []
        for region in map(self.resolved, found):
            if not isinstance(region, str):
                continue
            if not _REGION.fullmatch(region):
                self._add(f'"{region}" is not a region.', f"Correct the region of {self._name}.")
                continue
            if region not in FUNCTION_REGIONS and value is not None:
                self._warnings.append(
                    add_fix(
                        f'{self._name}: the region "{region}" {not_known(region, FUNCTION_REGIONS)}',
                        "ignore this warning if the name is correct; otherwise correct the region of "
                        f"{self._name}",
                        "    ",
                    )
                )
            if region not in regions:
                regions.append(region)
        return tuple(regions)

    def timeout(self, longest: int) -> int | None:
        """Seconds, or None; the server's default is 60."""
        return self.integer(self._entry.get("timeoutSeconds"), "timeoutSeconds", 1, longest)

    def memory_mb(self) -> int:
        """MiB; the default is 256."""
        value = self._get("availableMemoryMb")
        if value is None:
            return 256
        if isinstance(value, bool) or not isinstance(value, int) or value not in _CPU:
            sizes = ", ".join(str(size) for size in _CPU)
            self._add(f"{value} MiB is not a memory size.", f"Use one of {sizes} MiB.")
            return 256
        return value

    def cpu(self, memory_mb: int, region: str) -> float:
        """CPUs; the default depends on the memory."""
        value = self._get("cpu")
        if value is None or value == "gcf_gen1":
            value = (_CPU if value is None else _CPU_GEN1)[memory_mb]
            return self._cpu_in(region, value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._add(f"cpu must be a number, but is {kind_of(value)}.", 'Use a number, or "gcf_gen1".')
            return 1
        if not (0.08 <= value < 1 or value in _WHOLE_CPUS):
            self._add(f"{value:g} CPUs are not possible.", "Use 1, 2, 4, 6 or 8, or a fraction from 0.08.")
            return 1
        least = next((cpu for limit, cpu in _LEAST_CPU if memory_mb > limit), 0)
        if value < least:
            what = f"{memory_mb} MiB of memory need at least {least:g} CPU, not {value:g}."
            self._add(what, f"Raise cpu to {least:g}, or lower the memory.")
        memory = _LEAST_MEMORY.get(int(value), 0)
        if memory_mb < memory:
            what = f"{value:g} CPUs need at least {memory} MiB of memory, not {memory_mb}."
            self._add(what, f'Set memory to "{memory // 1024}GiB", or lower cpu.')
        return self._cpu_in(region, value)

    def _cpu_in(self, region: str, cpu: float) -> float:
        if cpu > 4 and region in _SMALL_CPU_REGIONS:
            what = f"{cpu:g} CPUs are not possible in {region}, which has up to 4."
            self._add(what, "Lower cpu to 4 (and the memory to 16 GiB), or use another region.")
        return cpu

    def concurrency(self, cpu: float) -> int:
        """Concurrent requests; the default is 80, and 1 on a fraction of a CPU."""
        found = self.integer(self._entry.get("concurrency"), "concurrency", 1, 1000)
        if found is None:
            return 80 if cpu >= 1 else 1
        if found > 1 and cpu < 1:
            what = f"concurrency {found} needs a whole CPU, not {cpu:g}."
            self._add(what, "Set cpu to 1, or concurrency to 1.")
        return found

    def scale(self) -> tuple[int, int | None]:
        """(least, most) instances."""
        least = self.integer(self._entry.get("minInstances"), "minInstances", 0, 1000) or 0
        most = self.integer(self._entry.get("maxInstances"), "maxInstances", 1, 3000)
        if most is not None and least > most:
            what = f"minInstances {least} is more than maxInstances {most}."
            self._add(what, "Raise maxInstances or lower minInstances.")
        return least, most

    def ingress(self) -> str:
        """From which networks it can be reached."""
        value = self._get("ingressSettings")
        if value is not None and value not in _INGRESS:
            self._add(f"ingressSettings is {value}.", f"Use one of {', '.join(_INGRESS)}.")
        return str(value) if value in _INGRESS else "ALLOW_ALL"

    def vpc(self, region: str) -> tuple[str | None, str | None, Network | None]:
        """(connector with its full name, egress setting, network without a connector)."""
        value = self._entry.get("vpc")
        body = mapping(value)
        if body is None:
            if value is not None:
                self._add(f"vpc must be an object, but is {kind_of(value)}.")
            return None, None, None
        for name in sorted(body.keys() - {"connector", "egressSettings", "networkInterfaces"}):
            self._add(f'vpc has the unknown property "{name}".', f"Remove {name} from {self._name}.")
        connector = self.resolved(body.get("connector"))
        egress = self.resolved(body.get("egressSettings"))
        if egress is not None and egress not in _EGRESS:
            self._add(f"vpc.egressSettings is {egress}.", f"Use one of {', '.join(_EGRESS)}.")
        setting = egress if isinstance(egress, str) else None
        interfaces = sequence(body.get("networkInterfaces")) or []
        if interfaces:
            if connector:
                self._add(
                    "vpc has a connector and a network interface.", f"Keep one of them in {self._name}."
                )
            return None, setting, self._network(interfaces)
        if not isinstance(connector, str) or not connector:
            return None, None, None
        if not _CONNECTOR.fullmatch(connector):
            what = f'"{connector}" is not the name of a VPC connector.'
            self._add(what, "Use up to 25 lower-case letters, digits and -, or its whole resource name.")
        if "/" not in connector:
            connector = f"projects/{self._project}/locations/{region}/connectors/{connector}"
        return connector, setting, None

    def _network(self, interfaces: Sequence[object]) -> Network | None:
        """The only interface that Google supports (Cloud Functions API v2, `directVpcNetworkInterface`)."""
        if len(interfaces) > 1:
            self._add(f"vpc has {len(interfaces)} network interfaces; a function can have one.")
        body = mapping(interfaces[0]) or {}
        for name in sorted(body.keys() - {"network", "subnetwork", "tags"}):
            self._add(f'vpc.networkInterfaces has the unknown property "{name}".', f"Remove {name}.")
        network, subnetwork = (self.resolved(body.get(key)) for key in ("network", "subnetwork"))
        names = [one for one in (network, subnetwork) if one is not None]
        if not names or not all(isinstance(one, str) and one for one in names):
            fix = f'Write vpc: {{ networkInterfaces: [{{ network: "default" }}] }} in {self._name}.'
            self._add("vpc.networkInterfaces names neither a network nor a subnetwork.", fix)
            return None
        return Network(
            network=None if network is None else str(network),
            subnetwork=None if subnetwork is None else str(subnetwork),
            tags=tuple(str(self.resolved(tag)) for tag in sequence(body.get("tags")) or []),
        )

    def labels(self) -> dict[str, str]:
        """The labels; those that Google and this program set are reserved."""
        found = self.strings_by_name("labels")
        if len(found) > _MAX_LABELS:
            self._add(f"has {len(found)} labels; a function can have {_MAX_LABELS} of its own.")
        for key, value in found.items():
            if key.startswith(_LABEL_RESERVED):
                self._add(f'the label "{key}" is reserved.', f"Rename the label of {self._name}.")
            elif not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
                self._add(f'"{key}: {value}" is not a label (lower case, digits, - and _; up to 63).')
        return found

    def secrets(self) -> tuple[tuple[str, str], ...]:
        """(variable, secret) pairs, sorted. A secret without a name has the name of its variable."""
        found: dict[str, str] = {}
        for raw in sequence(self._entry.get("secretEnvironmentVariables")) or []:
            entry = mapping(raw) or {}
            key = self.resolved(entry.get("key"))
            secret = self.resolved(entry.get("secret")) or key
            if not isinstance(key, str) or not _VARIABLE.fullmatch(key):
                self._add(
                    f"the name of the secret {key} is not a valid variable name.",
                    "Use letters, digits and _.",
                )
            elif wrong := function_variable(key):
                self._add(
                    f"the secret {key} needs a variable of its name, which {wrong}.",
                    f"Rename the secret {key} in the code of {self._name}, for example to APP_{key}.",
                )
            elif not isinstance(secret, str) or not _SECRET.fullmatch(secret):
                what = f'"{secret}" is not the short name of a secret.'
                self._add(what, "Name the secret without project and version; the program pins the version.")
            elif wrong := function_variable(secret):
                self._add(
                    f"the secret {secret} {wrong}.",
                    f"Rename the secret {secret} in the code of {self._name}, for example to "
                    f"APP_{re.sub(r'[^A-Za-z0-9_]', '_', secret)}.",
                )
            elif found.setdefault(key, secret) != secret:
                self._add(f"{key} is bound to two secrets.", f"Bind {key} once in {self._name}.")
        return tuple(sorted(found.items()))

    def service_account(self) -> str | None:
        """An e-mail (`name@` is completed with the project), "default", or None."""
        value = self._get("serviceAccount")
        if value is None:
            value = self._get("serviceAccountEmail")
        if value is None or value == "default":
            return None if value is None else "default"
        return self.account(value)

    def invoker(self, value: object) -> tuple[str, ...] | None:
        """The callers of an https function: ("public",), ("private",), e-mails, or None."""
        found = self.resolved(value)
        if found is None:
            return None
        items = (found,) if isinstance(found, str) else strings(found)
        if not items:
            self._add("invoker must be a string or a list of strings.", 'Write invoker: "private".')
            return None
        items = tuple(str(self.resolved(item)) for item in items)
        if "public" in items or "private" in items:
            if len(set(items)) > 1:
                what = f"invoker mixes {' and '.join(sorted(set(items)))}."
                self._add(what, 'Write "public", or "private", or the service accounts.')
            return items[:1]
        accounts = [account for item in items if (account := self.account(item)) is not None]
        return tuple(dict.fromkeys(accounts))

    def account(self, value: object) -> str | None:
        """The e-mail of a service account, or None after a problem."""
        if isinstance(value, str) and value.endswith("@"):
            value = f"{value}{self._project}.iam.gserviceaccount.com"
        if isinstance(value, str) and _EMAIL.fullmatch(value):
            return value
        what = f"{value} is not a service account."
        self._add(what, f'Use its e-mail, or "name@" for an account of {self._project}.')
        return None
