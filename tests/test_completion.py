"""The completion of a shell that shtab makes of our parser, in a real bash."""

import shutil
import subprocess
import sys

import pytest


DRIVER = """
source completion
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$(complete -p mohflow | sed 's/.*-F \\([^ ]*\\).*/\\1/') 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    shtab = [sys.executable, "-m", "shtab", "--shell=bash"]
    script = subprocess.check_output([*shtab, "mohflow.cli.parser"])
    (folder / "completion").write_bytes(script)
    (folder / "shop.log").touch()
    return folder


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["vi"], ["view"]),
        (["do"], ["doctor"]),
        (["view", "--rot"], ["--rotated"]),
        (["view", "--color", "a"], ["auto", "always"]),
        (["view", "sh"], ["shop.log"]),
        (["check", "sh"], ["shop.log"]),
        (["replay", "sh"], ["shop.log"]),
    ],
)
def test_a_word_is_completed(folder, typed, expected):
    done = subprocess.run(
        ["bash", "--norc", "-c", DRIVER, "bash", "mohflow", *typed],
        cwd=folder,
        capture_output=True,
        check=True,
        text=True,
    )

    assert expected == done.stdout.split()
