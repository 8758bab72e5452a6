"""E5: the backend's address is found however it is put together, and other addresses are not."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from checkout.flutter.backend_addresses import address_in, host_of
from tests.flutter_app import FILES, IMPORTS, answer, expect_findings, expect_pass

pytestmark = pytest.mark.unit

CODED = base64.b64encode(b"https://crm.up.railway.app").decode()
HTTP = IMPORTS + "import 'dart:convert';\nimport 'package:http/http.dart' as http;\n"

BROKEN = {
    "request": """
Future<void> f() => http.get(Uri.parse('https://crm-production.up.railway.app/health')); // HERE
""",
    "host and path": """
Future<void> f() => http.get(Uri.https('crm.up.railway.app', '/health')); // HERE
""",
    "custom domain": """
const base = 'https://api.desk.example/api'; // HERE
""",
    "custom domain in capitals with a port": """
const base = 'HTTPS://API.Desk.Example:443'; // HERE
""",
    "inside Railway": """
const base = 'http://backend.railway.internal:3000'; // HERE
""",
    "from pieces": """
const name = 'crm-production';
const zone = 'railway' '.app';
final base = 'https://$name.up.$zone'; // HERE
final other = 'https://' + name + '.up.' + zone; // HERE
""",
    "from a list": """
final base = ['api', 'desk', 'example'].join('.'); // HERE
""",
    "in Base64": f"""
final base = utf8.decode(base64.decode('{CODED}')); // HERE
""",
    "options of Dio": """
final dio = Dio(BaseOptions(baseUrl: 'https://api.desk.example')); // HERE
""",
    "set later": """
void f(Dio dio) { dio.options.baseUrl = 'https://api.desk.example'; } // HERE
""",
    "default of the build": """
const base = String.fromEnvironment('API', defaultValue: 'https://crm.up.railway.app'); // HERE
""",
    "default of a parameter": """
class Api { Api({this.base = 'https://api.desk.example'}); final String base; } // HERE
""",
    "socket": """
void f() => WebSocketChannel.connect(Uri.parse('wss://crm.up.railway.app/live')); // HERE
""",
    "annotation": """
@RestApi(baseUrl: 'https://crm.up.railway.app') // HERE
abstract class Api {}
""",
    "code that never runs": """
void f() { return; print('https://api.desk.example'); } // HERE
""",
    "Uri from its parts": """
final base = Uri(scheme: 'https', host: 'api.desk.example', path: 'api'); // HERE
""",
    "replaced text": """
final base = 'https://api.HOST.example'.replaceAll('HOST', 'desk'); // HERE
""",
}

FINE = {
    "functions": """
Future<void> f() => http.post(Uri.https('europe-west1-desk-prod.cloudfunctions.net', 'relayList'));
""",
    "other services": """
const places = 'https://maps.googleapis.com/maps/api';
const help = 'https://desk.example/help';
const mail = 'mailto:api@desk.example.org';
""",
    "a longer domain": """
const other = 'https://api.desk.example.org';
const more = 'https://my-api.desk.example';
""",
    "words": """
const a = 'railway';
const b = 'api.desk';
const c = 'https://railway.app/legal';
const d = 'https://example.com/up.railway.app.html';
Widget f() => const Text('Our backend runs on Railway.');
""",
    "a comment": """
// https://crm.up.railway.app
/// See https://api.desk.example
void f() {}
""",
    "an address that comes with the data": """
class Photo extends StatelessWidget {
  Photo(this.url);
  final String url;
  Widget build(BuildContext context) => Image.network(url);
}
Future<void> f(String url) => http.get(Uri.parse(url));
""",
    "a project that the build sets": """
const project = String.fromEnvironment('PROJECT', defaultValue: 'desk-prod');
Future<void> f() => http.get(Uri.https('europe-west1-$project.cloudfunctions.net', 'relayList'));
""",
    "storage": """
const files = 'https://firebasestorage.googleapis.com/v0/b/desk-prod.appspot.com/o';
""",
    "a chat link": """
String f(String phone) => 'https://wa.me/$phone';
""",
    "a local address": """
const local = 'http://localhost:5001';
""",
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_address_is_found(tmp_path: Path, name: str) -> None:
    expect_findings(tmp_path, "E5", {"lib/extra.dart": HTTP + BROKEN[name]})


@pytest.mark.parametrize("name", FINE)
def test_other_addresses_are_accepted(tmp_path: Path, name: str) -> None:
    expect_pass(tmp_path, "E5", {"lib/extra.dart": HTTP + FINE[name]})


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        (".env", "A=1\nBACKEND=https://api.desk.example\n", 2),
        ("assets/config.json", '{\n "backend": "https://crm.up.railway.app"\n}\n', 2),
        ("android/app/src/main/res/values/strings.xml", "<a>crm.up.railway.app</a>", 1),
        ("ios/Runner/Info.plist", "<plist>\n\n<string>https://api.desk.example</string></plist>", 3),
        ("web/index.html", "<script>const b = 'https://api.desk.example';</script>", 1),
        ("config/prod.yaml", "backend: https://api.desk.example\n", 1),
        ("dart_defines.json", '{"API": "https://crm.up.railway.app"}', 1),
        (".vscode/launch.json", '{"args": [\n"--dart-define=API=https://api.desk.example"]}', 2),
        ("Makefile", "apk:\n\tflutter build apk --dart-define=API=https://api.desk.example\n", 2),
        ("scripts/build.sh", "flutter run --dart-define=API=https://api.desk.example\n", 1),
    ],
)
def test_files_that_are_built_into_the_app_are_read(tmp_path: Path, file: str, text: str, line: int) -> None:
    found = answer(tmp_path, "E5", {file: text})
    assert [(one.file, one.line) for one in found.findings] == [(file, line)]


@pytest.mark.parametrize("declared", ["help/", "help/hosts.md", "{path: help/}"])
def test_a_declared_asset_can_be_any_file(tmp_path: Path, declared: str) -> None:
    pubspec = FILES["pubspec.yaml"] + f"flutter:\n  assets:\n    - {declared}\n    - ../outside.md\n"
    files = {"pubspec.yaml": pubspec, "help/hosts.md": "# hosts\n\nhttps://api.desk.example\n"}
    found = answer(tmp_path, "E5", files)
    assert [(one.file, one.line) for one in found.findings] == [("help/hosts.md", 3)]


@pytest.mark.parametrize("file", ["README.md", "test/a_test.dart", "build/x.json", ".github/workflows/a.yml"])
def test_files_that_are_not_part_of_the_app_are_not(tmp_path: Path, file: str) -> None:
    expect_pass(tmp_path, "E5", {file: "const a = 'https://api.desk.example';\n"})


def test_an_address_that_only_the_build_knows_is_not_passed(tmp_path: Path) -> None:
    code = (
        HTTP
        + "const api = String.fromEnvironment('API');\nFuture<void> f() => http.get(Uri.parse('$api/x'));\n"
    )
    found = answer(tmp_path, "E5", {"lib/extra.dart": code})
    assert not found.findings
    assert "given by the build (API)" in found.unknown[0]


def test_a_backend_of_this_machine_has_no_address_of_its_own(tmp_path: Path) -> None:
    code = HTTP + "void f() => FirebaseFirestore.instance.useFirestoreEmulator('127.0.0.1', 8080);\n"
    expect_pass(tmp_path, "E5", {"lib/extra.dart": code}, addresses=("http://127.0.0.1:4000",))


def test_hosts() -> None:
    assert host_of("https://CRM.example.com:8080/x") == "crm.example.com"
    assert host_of("crm.example.com") == "crm.example.com"
    assert host_of("http://[") == ""
    assert address_in("see crm.example.com.", ("crm.example.com",)) == "crm.example.com"
    assert address_in("crm.example.community", ("crm.example.com",)) == ""
