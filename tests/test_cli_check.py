"""What ``mohflow check`` finds without using the configuration."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import tempfile

from pathlib import Path

import pytest

import mohflow

from mohflow import ConfigurationError, Settings
from mohflow.settings.checks import check, refusal_to_write


CERTIFICATES = Path(__file__).parent / "sinks" / "certificates"

LOKI = '[loki]\nurl = "https://loki"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("ca", "client", "client_key", "server", "locked_key"):
        shutil.copy(CERTIFICATES / f"{name}.pem", tmp_path)
    (tmp_path / "in_the_way").touch()
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(b"\xff" * 30)
    return tmp_path


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return all that can change below a folder."""
    return {
        str(path): (
            path.stat().st_mtime_ns,
            path.stat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *sorted(folder.rglob("*")))
    }


def faults(text: str, environment: str | None = None) -> list[str]:
    """Return what is found in a file, and see that nothing has changed."""
    Path("a.toml").write_text(text)
    Path("a.toml").chmod(0o600)
    before = everything(Path.cwd())
    found = check("a.toml", environment).faults

    assert before == everything(Path.cwd())
    return [fault.replace(f"{Path.cwd()}/", "") for fault in found]


FOUND = {
    f'{LOKI}durability = "wal"': (
        "loki.durability cannot be 'wal' (from a.toml:3). It needs "
        "spool_dir, which is not given. Set spool_dir to a folder."
    ),
    f'[sinks.far]\ntype = "loki"\n{LOKI[7:]}durability = "spool"': (
        "sinks.far.durability cannot be 'spool' (from a.toml:4). It needs "
        "spool_dir, which is not given. Set spool_dir to a folder."
    ),
    f'[sinks.file]\ntype = "http"\n{LOKI[7:]}': (
        "sinks cannot have a sink named 'file' (from a.toml:1). The name is "
        "taken. Choose another, or use the setting of that name."
    ),
    'file = "in_the_way/a.log"': (
        "file.path cannot be 'in_the_way/a.log' (from a.toml:1). in_the_way "
        "is no folder. Choose another path."
    ),
    'file = "../"': (
        "file.path cannot be '../' (from a.toml:1). .. is a folder. Give the "
        "path of a file."
    ),
    'spool_dir = "in_the_way"': (
        "spool_dir cannot be 'in_the_way' (from a.toml:1). in_the_way is no "
        "folder. Choose another path."
    ),
    f'{LOKI}ca_file = "no.pem"': (
        "loki.ca_file cannot be 'no.pem' (from a.toml:3). No such file or "
        "directory. Choose another path, or let this user read it."
    ),
    f'{LOKI}ca_file = "empty"': (
        "loki.ca_file cannot be 'empty' (from a.toml:3). It holds no "
        "certificates in PEM. Put those of the authority into it."
    ),
    f'{LOKI}token_file = "."': (
        "loki.token_file cannot be '.' (from a.toml:3). Is a directory. "
        "Choose another path, or let this user read it."
    ),
    f'{LOKI}token_file = "empty"': (
        "loki.token_file cannot be 'empty' (from a.toml:3). It holds no "
        "token. Write printable ASCII without spaces into it."
    ),
    f'{LOKI}token_file = "noise"': (
        "loki.token_file cannot be 'noise' (from a.toml:3). It holds no "
        "token. Write printable ASCII without spaces into it."
    ),
    f'{LOKI}cert_file = "client.pem"\nkey_file = "client.pem"': (
        "loki.cert_file cannot be 'client.pem' (from a.toml:3). It holds no "
        "certificate and key in PEM without a password. Give the certificate "
        "in cert_file, its key in key_file."
    ),
    f'[sinks.far]\ntype = "http"\n{LOKI[7:]}cert_file = "server.pem"\n'
    'key_file = "client_key.pem"': (
        "sinks.far.cert_file cannot be 'server.pem' (from a.toml:4). The key "
        "is not that of the certificate. Give the certificate in cert_file, "
        "its key in key_file."
    ),
    'secrets_dir = "nowhere"': (
        "Cannot read the secrets in 'nowhere' (secrets_dir): No such file or "
        "directory. Choose another folder, or let this user read it."
    ),
}


@pytest.mark.parametrize("text", FOUND)
def test_what_only_building_would_find_is_found(text) -> None:
    assert [FOUND[text]] == faults(text)


def test_all_of_it_is_found_at_once_in_the_order_of_the_file() -> None:
    text = (
        'level = "LOUD"\nfile = "in_the_way/a.log"\nspool_dir = "in_the_way"\n'
        f'{LOKI}ca_file = "no.pem"\ntoken_file = "empty"\nlinger = -1\n'
        'servise = "x"\n[sinks.stderr]\ntype = "htp"\n'
    )

    assert [
        "level",
        "file.path",
        "spool_dir",
        "loki.ca_file",
        "loki.token_file",
        "loki.linger",
        "Unknown",
        "sinks",
        "sinks.stderr.type",
    ] == [fault.split(" ")[0] for fault in faults(text)]


def test_what_can_be_used_has_no_fault() -> None:
    text = (
        'file = "new/folder/a.log"\nspool_dir = "new/spool"\n'
        f'{LOKI}ca_file = "ca.pem"\ncert_file = "client.pem"\n'
        'key_file = "client_key.pem"\ndurability = "wal"\n'
    )

    assert [] == faults(text)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.log", 0o500), ("there.log", 0o400)],
)
def test_a_place_where_others_write_is_refused(name, mode) -> None:
    is_root = os.geteuid() == 0
    # Another user, whom we become, may not pass the folders of pytest.
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder, "closed")
        closed.mkdir()
        (closed / "there.log").touch(0o400)
        closed.chmod(0o755 if mode == 0o400 else mode)
        closed.parent.chmod(0o755)
        try:
            if is_root:
                os.seteuid(65534)
            found = refusal_to_write(closed / name)
            user = os.geteuid()
        finally:
            if is_root:
                os.seteuid(0)
        closed.chmod(0o700)
    there = closed / name if mode == 0o400 else closed

    assert (
        f"User {user} may not write to {there}",
        "Let this user write there, or choose another path",
    ) == found


class TestProfiles:
    TEXT = (
        '[profiles.here]\nfile = "in_the_way/a"\n'
        '[profiles.there]\nfile = "in_the_way/b"\n'
    )

    def test_files_are_those_of_the_profile_that_is_used_here(
        self, monkeypatch
    ) -> None:
        assert [] == faults(self.TEXT)
        monkeypatch.setenv("MOHFLOW_ENVIRONMENT", "here")
        assert ["a.toml:2, profile here"] == [
            fault.partition("(from ")[2].partition(")")[0]
            for fault in faults(self.TEXT)
        ]
        assert 1 == len(faults(self.TEXT, "there"))

    def test_the_environment_of_the_file_counts_too(self) -> None:
        assert 1 == len(faults('environment = "there"\n' + self.TEXT))

    def test_for_another_machine_no_file_is_looked_at(self) -> None:
        Path("a.toml").write_text(self.TEXT)

        assert [] == check("a.toml", "here", is_here=False).faults

    def test_secrets_may_supply_what_is_missing(self) -> None:
        Path("s").mkdir()
        Path("s/mohflow_loki_url").write_text("http://loki")

        assert [] == faults('secrets_dir = "s"\n[loki]\ntenant = "a"')


@pytest.mark.parametrize(
    "text", [text for text in FOUND if "durability" in text or "file]" in text]
)
def test_the_program_is_told_the_same(text) -> None:
    Path("a.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        Settings(config_file="a.toml")

    assert FOUND[text] == str(caught.value).replace(f"{Path.cwd()}/", "")


def test_options_and_sinks_of_a_program_need_a_spool_as_well() -> None:
    class Durable(mohflow.Sink):
        options = mohflow.DeliveryOptions(durability="wal")

    for given in (
        {"sinks": {"a": Durable()}},
        {
            "sinks": {
                "a": mohflow.LokiOptions(url="http://l", durability="wal")
            }
        },
        {"loki": mohflow.LokiOptions(url="http://l", durability="wal")},
    ):
        with pytest.raises(ConfigurationError, match="It needs spool_dir"):
            mohflow.configure(**given)


class TestCommand:
    def run(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "mohflow", "check", *arguments],
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=60,
        )

        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    def test_it_tells_what_it_has_checked(self) -> None:
        Path("a.toml").write_text("[profiles.x]\n[profiles.y]\n")

        assert (0, "a.toml is valid, with x, y.\n") == self.run("a.toml")
        assert (0, "a.toml is valid, with y.\n") == self.run(
            "--environment", "y", "a.toml"
        )

    def test_it_counts_the_faults(self) -> None:
        Path("a.toml").write_text('watch = 0\nfile = "in_the_way/a"\n')
        code, out = self.run("a.toml")

        assert (1, "a.toml: 2 faults.") == (code, out.splitlines()[-1])
        assert (1, "a.toml: 1 fault.") == (
            1,
            self.run("a.toml", "--elsewhere")[1].splitlines()[-1],
        )

    def test_what_cannot_be_read_is_not_valid(self) -> None:
        assert 1 == self.run("nowhere.toml")[0]

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_a_key_with_a_password_is_refused_and_nobody_is_asked(
        self,
    ) -> None:
        """OpenSSL would ask at the terminal, and a program would hang."""
        Path("a.toml").write_text(
            f'{LOKI}cert_file = "client.pem"\nkey_file = "locked_key.pem"'
        )
        source = (
            "import sys; from mohflow.cli import main; "
            "from mohflow import LokiOptions; "
            "from mohflow.sinks._tls import context_of; "
            "code = main(['check', 'a.toml'])\n"
            "try: context_of(LokiOptions(url='https://l', "
            "cert_file='client.pem', key_file='locked_key.pem'))\n"
            "except OSError: sys.exit(code)"
        )
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.executable, [sys.executable, "-c", source])
        shown = b""
        try:
            while chunk := os.read(terminal, 65536):
                shown += chunk
                assert b"pass phrase" not in shown
        except OSError:
            # The other end is gone when the program has ended.
            pass
        _, status = os.waitpid(pid, 0)
        os.close(terminal)

        assert b"without a password" in shown
        assert 1 == os.waitstatus_to_exitcode(status)
