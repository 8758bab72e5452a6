"""A volume hides what the image has at its mount path, so that it is never mounted over the system."""

from __future__ import annotations

import pytest

from railway.validation import mount_path

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "path",
    [
        "/etc", "/etc/ssl/certs", "/etc/passwd", "/usr", "/usr/lib/x86_64-linux-gnu", "/usr/local/bin",
        "/usr/share/ca-certificates", "/usr/src", "/usr/sbin", "/usr/libexec/x", "/usr/lib64", "/usr/local",
        "/usr/local/lib/python3.12", "/usr/local/sbin/x", "/usr/share", "/usr/share/zoneinfo", "/usr/bin",
        "/usr/local/lib", "/usr/share/nodejs/x", "/bin", "/bin/x", "/sbin/x", "/lib/x", "/lib64",
        "/libx32/x",
        "/boot/x", "/nix", "/nix/store", "/run", "/run/lock", "/run/secrets/x", "/var", "/var/run/x",
        "/var/lock", "/var/lib", "/root", "/home", "/tmp", "/opt", "/app/node_modules",
        "/app/node_modules/.cache", "/proc/1", "/sys/fs", "/dev/shm",
    ],
)  # fmt: skip
def test_a_folder_of_the_system_is_refused_with_the_reason(path: str) -> None:
    reason = mount_path(path)
    assert reason is not None
    assert "such as /app/data" in reason
    assert len(reason.split()) >= 8


@pytest.mark.parametrize(
    "path",
    [
        "/app/sessions", "/app", "/data", "/usr/src/app/sessions", "/usr/src/app", "/var/lib/postgresql/data",
        "/var/data", "/home/data", "/root/data", "/tmp/sessions", "/opt/crm/data", "/mnt/volume", "/srv",
        "/usr/app/sessions", "/usr/app", "/usr/data", "/usr/local/app/data", "/usr/share/nginx/html",
        "/usr/library", "/usr/local/var/crm",
        "/etcetera", "/library", "/running/x", "/nixos", "/app/node_modules_cache",
    ],
)  # fmt: skip
def test_another_folder_is_accepted(path: str) -> None:
    assert mount_path(path) is None
