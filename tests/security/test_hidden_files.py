"""Code of the checkout, while it is loaded, cannot read the credentials in the checkout itself."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from checkout import hidden_files, isolation
from tests.security.hostile_codebase import Codebase

pytestmark = pytest.mark.unit

KEY = '{"type": "service_account", "private_key": "canary"}'
CREDENTIALS = (
    "backend/.env", "backend/config/prod.env", "keys/serviceAccountKey.json", "keys/named-12ab.json",
    ".npmrc", "a/b/c/d/id_rsa", "functions/.env", "functions/.env.local",
    "functions/serviceAccountKey.json",
    "functions/lib/key.pem", "functions/lib/tls.pem.bak", "functions/lib/tls.pem~", "keys/acct.json.old",
    "keys/tls.key.orig", "functions/.config/gcloud/x", ".config/gcloud/x",
    "functions/.git/config", ".git/config", "backend/.git/config", "secrets.txt",
)  # fmt: skip
HIDDEN_FOLDERS = (".git", ".config/gcloud")


@pytest.mark.usefixtures("isolates")
@pytest.mark.parametrize("is_root", [False, True])
def test_no_credential_of_the_app_can_be_read_at_any_depth(codebase: Codebase, is_root: bool) -> None:
    """Also with `"source": "."`, and by another name that a link gives."""
    top = codebase.folder if is_root else codebase.app
    codebase.app = top
    for name in CREDENTIALS:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = f"-----BEGIN PRIVATE KEY-----\n{'canary' * 20}\n-----END PRIVATE KEY-----"
        path.write_text(pem if "tls." in name or path.suffix == ".pem" else KEY)
    (top / "backend/.env.production").symlink_to("../secrets.txt")
    (top / "shared.js").write_text("exports.shared = 1;")
    settings = codebase.folder / ".config/settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text('{"own": 1}')
    found = codebase.found(f"""
    const fs = require("fs");
    found.shared = String(require("{top}/shared").shared);
    found.settings = String(require("./.config/settings.json").own);
    for (const name of {json.dumps(CREDENTIALS)}) {{
      try {{ found[name] = fs.readFileSync(`{top}/${{name}}`, "utf8"); }}
      catch (error) {{ found[name] = error.code; }}
    }}
    """)
    assert (found.pop("shared"), found.pop("settings")) == ("1", "1")
    for name in CREDENTIALS:
        is_variable_file = ".env" in name or name == "secrets.txt"
        is_hidden_folder = any(f"{folder}/" in name for folder in HIDDEN_FOLDERS)
        assert found[name] == ("ENOENT" if is_hidden_folder else "" if is_variable_file else "EACCES"), name


@pytest.mark.usefixtures("isolates")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("functions/serviceAccountKey.json", "require('./serviceAccountKey.json');"),
        ("functions/serviceAccountKey.json", "require('./src/reads.js');"),
        ("functions/serviceAccountKey.json", "require('fs').readFileSync('serviceAccountKey.json');"),
        ("keys/a.pem", "require('fs').readFileSync(`${__dirname}/../keys/a.pem`);"),
        (".git/HEAD", "require('fs').readFileSync('../.git/HEAD');"),
        (".config/shared.js", "require('../.config/shared');"),
    ],
)
def test_an_error_says_that_a_file_is_hidden(codebase: Codebase, name: str, code: str) -> None:
    path = codebase.app / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"-----BEGIN PRIVATE KEY-----\n{'a' * 64}\n-----END PRIVATE KEY-----")
    (codebase.folder / "src").mkdir()
    (codebase.folder / "src/reads.js").write_text("require('../serviceAccountKey.json');")
    _, (problem,) = codebase.load(f"\n{code}\nexports.a = 1;")
    named = name.removesuffix(".js")
    assert f" reads {named}, which it cannot read while the functions are listed" in problem.what
    assert "It is not deployed either." in problem.what
    assert 'defineSecret("NAME")' in problem.fix


@pytest.mark.usefixtures("isolates")
@pytest.mark.parametrize("name", [".npmrc", ".yarnrc.yml"])
def test_a_file_of_npm_without_a_token_is_hidden_and_deployed(codebase: Codebase, name: str) -> None:
    path = codebase.folder / name
    for text, fix in (("a=b", "into a function"), ("//r/:_authToken=npm_abc", "defineSecret")):
        path.write_text(text)
        _, (problem,) = codebase.load(f"// {text}\nrequire('fs').readFileSync('{name}');")
        assert f" reads functions/{name}, which it cannot read" in problem.what
        assert ("It is not deployed either." in problem.what) == ("npm_abc" in text)
        assert fix in problem.fix


class TestLinkedPackages:
    """A workspace links all of its packages into the `node_modules` of its root."""

    @pytest.fixture
    def app(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(hidden_files, "MOST_ENTRIES", 50)
        modules = tmp_path / "node_modules"
        (modules / "@crm").mkdir(parents=True)
        needs: dict[str, dict[str, object]] = {
            "functions": {"dependencies": {"@crm/shared": "*"}},
            "shared": {"peerDependencies": {"@crm/texts": "*"}},
            "texts": {},
            "mobile": {"dependencies": {"@crm/texts": "*"}},
        }
        for name, package in needs.items():
            (tmp_path / "packages" / name).mkdir(parents=True)
            (tmp_path / "packages" / name / "package.json").write_text(json.dumps(package))
            (modules / "@crm" / name).symlink_to(f"../../packages/{name}")
        return tmp_path

    def fill(self, app: Path, name: str) -> None:
        for number in range(60):
            (app / "packages" / name / f"{number}.js").touch()

    def test_a_package_that_the_functions_do_not_need_may_have_any_size(self, app: Path) -> None:
        self.fill(app, "mobile")
        view = isolation.view(app / "packages/functions", app, [])
        assert view.hidden.empty == (str(app / "packages/mobile"),)

    @pytest.mark.parametrize("name", ["shared", "texts"])
    def test_a_package_that_they_need_is_not_hidden_but_refused(self, app: Path, name: str) -> None:
        self.fill(app, name)
        with pytest.raises(isolation.IsolationError, match=rf"packages/{name} has more than 50 files"):
            isolation.view(app / "packages/functions", app, [])


class TestHiddenFiles:
    @pytest.fixture
    def app(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(hidden_files, "MOST_ENTRIES", 50)
        (tmp_path / "packages/functions/lib").mkdir(parents=True)
        return tmp_path

    def search(self, app: Path) -> list[str]:
        found = hidden_files.search([app], [app / "packages/functions"])
        return [os.path.relpath(path, app) for path in (*found.empty, *found.denied)]

    def fill(self, folder: Path, count: int, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / name.format(number)).touch()

    def test_a_folder_with_too_much_in_it_is_hidden_as_a_whole(self, app: Path) -> None:
        self.fill(app / "web/build/x", 60, "{}.html")
        self.fill(app / "packages/other", 2, ".env.{}")
        assert self.search(app) == ["packages/other/.env.0", "packages/other/.env.1", "web"]

    def test_a_folder_with_too_many_credentials_is_hidden_as_a_whole(
        self, app: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hidden_files, "_MOST_HIDDEN_IN_FOLDER", 5)
        self.fill(app / "web/a", 6, ".env.{}")
        assert self.search(app) == ["web"]

    def test_the_codebase_is_never_hidden_but_refused(self, app: Path) -> None:
        self.fill(app / "packages/functions/lib/x", 60, "{}.js")
        with pytest.raises(hidden_files.TooMuchError, match=r"packages/functions has more than 50 files"):
            self.search(app)

    def test_too_many_files_beside_the_codebase_are_refused(self, app: Path) -> None:
        """Those after the first 50 would not be searched, and the folder cannot be hidden."""
        self.fill(app, 60, "{}.html")
        (app / ".env").touch()
        with pytest.raises(hidden_files.TooMuchError, match=f"{app} has more than 50 files"):
            self.search(app)

    def test_installed_packages_are_not_searched(self, app: Path) -> None:
        self.fill(app / "node_modules/x", 60, "{}.js")
        self.fill(app / "packages/functions/node_modules/x", 60, "{}.js")
        assert self.search(app) == []

    def test_links_lead_to_nothing_outside_and_to_no_loop(self, app: Path) -> None:
        (app / ".env").symlink_to("/etc/passwd")
        (app / ".env.a").symlink_to(".env.a")
        (app / ".env.b").symlink_to("packages")
        (app / "plain").symlink_to("..")
        assert self.search(app) == []

    def test_a_folder_that_contains_the_codebase_is_not_hidden_by_its_name(self, app: Path) -> None:
        folder = app / ".config/env.prod/functions"
        self.fill(folder, 1, ".env")
        self.fill(app / ".config/gcloud", 1, "credentials.db")
        found = hidden_files.search([app], [folder])
        assert found.empty == (f"{folder}/.env", f"{app}/.config/gcloud")
