"""Runs one command so that nothing of it outlives the command or its time limit, and isolates it on request.

`checkout.node_process` starts this file as a script, `python -I -S isolated_process.py FD`, with the fields
of `Request` on stdin, encoded by `marshal`. It writes two lines to the file descriptor FD: "started", or
"reason" and why the command cannot be isolated and was therefore not started; then "code" and how the command
ended: a number, negative after a signal, or nothing after a time-out.

Isolated, the command runs in its own user, PID, mount, IPC and network namespaces (`namespaces(7)`). Its file
system has nothing but what the request lists, most of it read-only; its /proc has no process but its own; its
network is a loopback that no other process is on. It has no capability and cannot gain one. All its processes
end with it, because the first process of their PID namespace ends.

Otherwise this process adopts what the command leaves behind (`PR_SET_CHILD_SUBREAPER`) and ends it, unless
the command ends or stops this process first. Then, and where the system has no such call, only the process
group ends: `checkout.node_process` does that.

It runs before the isolation exists, so it has an empty environment: a variable such as LD_PRELOAD in the
command's environment must not load code into it. It uses only the standard library, and imports little of it:
each discovery waits for this.
"""

from __future__ import annotations

import ctypes
import errno
import marshal
import os
import signal
import sys
import time

TYPE_CHECKING = False  # as type checkers understand it; `typing` takes longer to import than all else here
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

# linux/sched.h, linux/mount.h, sys/mount.h, linux/prctl.h
_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_DETACH = 2
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
_SYS_MOUNT_SETATTR = 442  # the same on all architectures; Linux 5.12
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
_CAPABILITIES = 64
# sys/socket.h, linux/sockios.h, linux/if.h: a `struct ifreq` is a name, flags, and the rest of a union
_AF_INET, _SOCK_DGRAM, _SIOCSIFFLAGS, _IFF_UP = 2, 2, 0x8914, 1
_NAME_SIZE, _IFREQ_PADDING = 16, 22
_DEVICES = ("null", "zero", "full", "random", "urandom")
_STREAMS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
_TMP, _TMP_SIZE = "/tmp", "64m"  # noqa: S108  (in the new file system)
_KILL_SECONDS = 2.0


class Request:
    """What to run, and what it may see. Paths are absolute and without links, except `links`.

    `links` are made as they are. `visible` are read-only, except the folders `changeable` in them, of which
    `fixed` is read-only again; in all of them, `empty` are empty, and to open one of the files `denied` is an
    error. `writable` is a folder, `root` an empty one. All but `command`, `folder`, `environment` and
    `timeout` count only if `isolate`.
    """

    def __init__(
        self,
        *,
        command: Sequence[str],
        folder: str,
        environment: Mapping[str, str],
        timeout: float,
        isolate: bool,
        root: str,
        writable: str,
        links: Mapping[str, str],
        visible: Sequence[str],
        changeable: Sequence[str],
        fixed: Sequence[str],
        empty: Sequence[str],
        denied: Sequence[str],
    ) -> None:
        self.command = command
        self.folder = folder
        self.environment = environment
        self.timeout = timeout
        self.isolate = isolate
        self.root = root
        self.writable = writable
        self.links = links
        self.visible = visible
        self.changeable = changeable
        self.fixed = fixed
        self.empty = empty
        self.denied = denied


class IsolationError(Exception):
    """A call of the system that isolates failed."""


class _AttributesOfMount(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library; -1 is an error."""
    converted = [os.fsencode(one) if isinstance(one, str) else one for one in arguments]
    if getattr(_LIBC, name)(*converted) == -1:
        raise IsolationError(f"{name}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    try:
        _call("mount", source, target, kind, ctypes.c_ulong(flags), data)
    except IsolationError as error:
        raise IsolationError(f"{error} ({kind or source or target})") from None


def _prctl(option: int, value: int) -> None:
    _call("prctl", ctypes.c_int(option), ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)


def _make_read_only(target: str) -> None:
    """Make a mount and all mounts below it read-only."""
    attributes = _AttributesOfMount(attr_set=_RDONLY | _NOSUID)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    number, flags = ctypes.c_long(_SYS_MOUNT_SETATTR), ctypes.c_uint(_AT_RECURSIVE)
    path = os.fsencode(target)
    if _LIBC.syscall(number, ctypes.c_int(_AT_FDCWD), path, flags, ctypes.byref(attributes), size) == 0:
        return
    if ctypes.get_errno() != errno.ENOSYS:
        raise IsolationError(f"mount_setattr: {os.strerror(ctypes.get_errno())} ({target})")
    kept = os.statvfs(target).f_flag & (_RDONLY | _NOSUID | _NODEV | _NOEXEC)  # the same bits as of mount()
    _mount(None, target, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | kept)


def _enter_namespaces() -> None:
    """Leave the namespaces of the caller; the next child is the first process of its PID namespace."""
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", ctypes.c_int(_NEWUSER | _NEWNS | _NEWPID | _NEWIPC | _NEWNET))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123  (no pathlib: time)
            file.write(text)
    _enable_loopback()


def _enable_loopback() -> None:
    """Servers that the code starts for itself can be reached. Where this fails, they cannot."""
    loopback = os.fsencode("lo").ljust(_NAME_SIZE, b"\0")
    request = loopback + _IFF_UP.to_bytes(2, sys.byteorder) + bytes(_IFREQ_PADDING)
    socket = _LIBC.socket(_AF_INET, _SOCK_DGRAM, 0)
    if socket >= 0:
        _LIBC.ioctl(socket, ctypes.c_ulong(_SIOCSIFFLAGS), request)
        os.close(socket)


def _bind(source: str, root: str) -> str:
    target = root + source
    if os.path.isdir(source):  # noqa: PTH112
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
    elif not os.path.exists(target):  # noqa: PTH110
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600))
    _mount(source, target, None, _BIND | _REC)
    return target


def _build_file_system(request: Request) -> None:
    """Make the listed paths the whole file system of this process."""
    root = request.root
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    for name in ("dev", "proc", "tmp"):
        os.mkdir(f"{root}/{name}")  # noqa: PTH102
    # First: the app itself may be below /tmp.
    _mount("tmpfs", f"{root}{_TMP}", "tmpfs", _NOSUID | _NODEV, f"size={_TMP_SIZE},mode=1777")
    for path, target in request.links.items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)  # noqa: PTH103, PTH120
        os.symlink(target, root + path)  # noqa: PTH211
    for path in request.visible:
        _make_read_only(_bind(path, root))
    for path in request.changeable:
        _bind(path, root)
    for path in request.fixed:
        _make_read_only(_bind(path, root))
    for path in request.empty:
        if os.path.isdir(root + path):  # noqa: PTH112
            _mount("tmpfs", root + path, "tmpfs", _RDONLY | _NOSUID | _NODEV, "size=4k")
        else:
            _mount("/dev/null", root + path, None, _BIND)
    for path in request.denied:  # a device that no device may be opened by
        _mount("/dev/null", root + path, None, _BIND)
        _mount(None, root + path, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    for name in _DEVICES:
        _bind(f"/dev/{name}", root)
    for name, target in _STREAMS.items():
        os.symlink(target, f"{root}/dev/{name}")  # noqa: PTH211
    _mount("proc", f"{root}/proc", "proc", _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    _bind(request.writable, root)
    os.chdir(root)
    number = _SYS_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise IsolationError(f"pivot_root: not known for {os.uname().machine}")
    _call("syscall", ctypes.c_long(number), ".", ".")
    _call("umount2", ".", ctypes.c_int(_DETACH))
    os.chdir("/")
    _mount(None, "/", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def _drop_privileges() -> None:
    """Without capabilities, for good: root in the namespace would have them again after `exec`."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(_CAPABILITIES):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except IsolationError:
            break  # fewer exist


def _report(status: int, what: str, value: str = "") -> None:
    os.write(status, f"{what} {value}\n".encode(errors="replace"))


def _start(request: Request) -> int:
    """Start the command; returns its process id."""
    child = os.fork()
    if child:
        return child
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(request.folder)
        if request.isolate:
            _drop_privileges()
        os.execve(request.command[0], list(request.command), dict(request.environment))  # noqa: S606
    except (OSError, ValueError, IsolationError) as error:  # ValueError: U+0000 in a variable
        os.write(2, f"{request.command[0]}: {error}\n".encode())
    os._exit(127)


def _first_process(request: Request, status: int) -> None:
    """The first process of the PID namespace: builds the file system, starts the command, ends with it.

    Linux delivers to it, from its namespace, only signals that it handles; Python handles SIGINT.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        _build_file_system(request)
    except (OSError, IsolationError) as error:
        _report(status, "reason", str(error))
        os._exit(1)
    _report(status, "started")
    command = _start(request)
    while True:
        ended, wait_status = os.wait()
        if ended == command:
            _report(status, "code", str(os.waitstatus_to_exitcode(wait_status)))
            os._exit(0)


def _end_descendants() -> None:
    """End all processes that the command left behind; they became children of this one."""
    until = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < until:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return  # there is none
        if not ended:
            for process in _descendants():
                _kill(process)
            time.sleep(0.002)


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _descendants() -> set[int]:
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue  # it has ended
    found = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def main() -> int:
    """Run the request on stdin."""
    status = int(sys.argv[1])
    os.set_inheritable(status, False)  # not for the command, which could write a report of its own
    request = Request(**marshal.load(sys.stdin.buffer))  # noqa: S302  (of the process that started this one)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if request.isolate:
        try:
            _enter_namespaces()
            child = os.fork()
        except (OSError, IsolationError) as error:
            _report(status, "reason", str(error))
            return 0
        if child == 0:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            _first_process(request, status)
    else:
        _report(status, "started")
        child = _start(request)
    timed_out = False

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal timed_out
        timed_out = timed_out or number == signal.SIGALRM
        _kill(child)

    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.setitimer(signal.ITIMER_REAL, request.timeout)
    _, wait_status = os.waitpid(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if sys.platform == "linux":
        _end_descendants()
    if timed_out:
        _report(status, "code")
    elif not request.isolate:
        _report(status, "code", str(os.waitstatus_to_exitcode(wait_status)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
