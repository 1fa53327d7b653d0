"""Settings that change while the program runs."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import structlog

import mohflow

from mohflow import ConfigurationError, Settings
from mohflow.settings import plugins
from mohflow.settings._watch import Lookout, Watcher, sight
from mohflow.testing import LokiServer


def wait_for(claim, timeout=20.0):
    deadline = time.monotonic() + timeout
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert claim()


class Config:
    """A configuration file, and the log file that it names."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.toml"
        self.log = folder / "app.log"

    def write(self, text: str = "") -> None:
        """Replace the file as an editor does that is careful."""
        new = self.path.with_suffix(".new")
        new.write_text(
            f'console = false\n{text}\n[file]\npath = "{self.log}"\n'
        )
        new.replace(self.path)

    def configure(self, text: str = "", **options) -> mohflow.Pipeline:
        self.write(text)
        return mohflow.configure(
            Settings(config_file=self.path, **options),
        )

    @property
    def events(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def names(self):
        return [event["event"] for event in self.events]


@pytest.fixture
def config(tmp_path) -> Config:
    return Config(tmp_path)


class TestReload:
    def test_what_has_changed_holds_for_loggers_that_exist(
        self, config, _cached
    ) -> None:
        config.configure('service = "a"')
        cached, bound = structlog.get_logger("x"), structlog.get_logger()
        bound = bound.bind(b=1)
        cached.info("1")
        config.write('service = "b"\nlevel = "debug"')

        assert mohflow.reload()
        for debug in (cached.debug, bound.debug, logging.getLogger().debug):
            debug("2")
        assert [("1", "a"), ("settings_changed", "b"), *[("2", "b")] * 3] == [
            (event["event"], event["service"]) for event in config.events
        ]

    def test_the_change_is_logged_with_both_values(self, config) -> None:
        config.configure('service = "a"')
        config.write('level = "critical"')
        mohflow.reload()
        (event,) = config.events

        assert ("settings_changed", "warning", "mohflow") == (
            event["event"],
            event["level"],
            event["logger"],
        )
        assert [
            {"setting": "service", "old": "'a'", "new": "None"},
            {"setting": "level", "old": "info", "new": "critical"},
        ] == event["changes"]

    def test_nothing_is_logged_when_nothing_has_changed(self, config) -> None:
        config.configure()
        config.write("# only a comment")

        assert not mohflow.reload()
        assert [] == config.events

    def test_what_is_wrong_keeps_the_old_and_is_logged(self, config) -> None:
        config.configure('service = "a"')
        for text in ('level = "LOUD"', "level = ", "[file]\npath = 3"):
            config.write(text)
            with pytest.raises(ConfigurationError):
                mohflow.reload()
            structlog.get_logger().info("goes on")

        assert ["settings_refused", "goes on"] * 3 == config.names()
        assert {"a"} == {event["service"] for event in config.events}
        assert "level cannot be 'LOUD' (from" in config.events[0]["error"]

    def test_a_sink_that_cannot_be_used_keeps_the_old(
        self, config, tmp_path
    ) -> None:
        config.configure()
        config.path.write_text(f'file = "{config.path}/not/a/folder"')
        with pytest.raises(ConfigurationError):
            mohflow.reload()
        structlog.get_logger().info("goes on")

        assert ["settings_refused", "goes on"] == config.names()

    def test_arguments_and_processors_stay(self, config) -> None:
        def mark(logger, name, event_dict):
            return {**event_dict, "mine": 1}

        config.write('service = "file"\nenvironment = "x"')
        mohflow.configure(
            Settings(config_file=config.path),
            service="argument",
            processors=[mark],
        )
        config.write('service = "other"\nenvironment = "y"')
        mohflow.reload()
        structlog.get_logger().info("x")
        event = config.events[-1]

        assert ("argument", "y", 1) == (
            event["service"],
            event["environment"],
            event["mine"],
        )

    def test_a_level_that_was_set_stays_unless_levels_change(
        self, config
    ) -> None:
        config.configure()
        mohflow.set_level("debug", "db", ttl=600)
        config.write('service = "b"')
        mohflow.reload()
        structlog.get_logger("db").debug("still")
        config.write('level = "warning"')
        mohflow.reload()
        structlog.get_logger("db").debug("no more")

        assert "still" in config.names()
        assert "no more" not in config.names()

    def test_sinks_that_are_the_same_go_on(self, config) -> None:
        class Slow(mohflow.Sink):
            closed = 0

            def write(self, batch):
                return None

            def close(self):
                self.closed += 1

        sink = Slow()
        config.configure(sinks={"slow": sink})
        structlog.get_logger().info("x")
        config.write('level = "debug"')
        mohflow.reload()

        assert 2 == mohflow.ledger()["slow"].accepted
        assert 0 == sink.closed

    def test_what_waits_for_a_sink_that_goes_is_delivered(
        self, config
    ) -> None:
        with LokiServer() as loki:
            config.configure(f'[loki]\nurl = "{loki.url}"\nlinger = 60')
            structlog.get_logger().info("x")
            config.write()
            mohflow.reload()

            assert ["x"] == [
                json.loads(entry.line)["event"] for entry in loki.entries()
            ]
        assert {"file"} == mohflow.ledger().keys()

    def test_a_call_that_is_under_way_reaches_the_sink_that_goes(
        self, config
    ) -> None:
        begun, closed, stored = threading.Event(), threading.Event(), []

        class Keep(mohflow.Sink):
            def write(self, batch):
                stored.extend(event.fields["event"] for event in batch)

            def close(self):
                closed.set()

        def hold(logger, name, event_dict):
            if event_dict["event"] == "held":
                begun.set()
                closed.wait(0.2)
            return event_dict

        config.write()
        mohflow.configure(
            Settings(config_file=config.path),
            sinks={"keep": Keep()},
            processors=[hold],
        )
        thread = threading.Thread(
            target=structlog.get_logger().info, args=("held",)
        )
        thread.start()
        begun.wait()
        mohflow.configure(console=False)
        thread.join()

        assert ["held"] == stored

    def test_a_rotated_secret_is_used_and_never_shown(
        self, config, tmp_path
    ) -> None:
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        secret = secrets / "mohflow_loki_password"
        secret.write_text("first-one\n")
        with LokiServer() as loki:
            url = loki.url.replace("//", "//ann@")
            config.configure(
                f'secrets_dir = "{secrets}"\n[loki]\nurl = "{url}"'
            )
            secret.write_text("second-one\n")

            assert mohflow.reload()
            mohflow.flush()
        text = config.log.read_text()
        assert "loki.password" in text
        assert "-one" not in text

    def test_the_handle_of_configure_still_shuts_down(self, config) -> None:
        with config.configure():
            config.write('service = "b"')
            mohflow.reload()

        assert not structlog.is_configured()

    def test_without_configure_there_is_nothing_to_reload(self) -> None:
        with pytest.raises(ConfigurationError, match="configure"):
            mohflow.reload()

    def test_variables_are_read_again(self, config, monkeypatch) -> None:
        config.configure()
        monkeypatch.setenv("MOHFLOW_SERVICE", "new")

        assert mohflow.reload()

    def test_a_folder_that_was_left_does_not_matter(
        self, config, tmp_path, monkeypatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        config.write()
        mohflow.configure(Settings(config_file="app.toml"))
        monkeypatch.chdir("/")
        config.write('service = "b"')

        assert mohflow.reload()


class TestLookout:
    def look(self, *seen):
        lookout = Lookout()
        lookout.read((("a",),))
        return [lookout.is_due(((name,),)) for name in seen]

    def test_a_file_that_stays_is_not_read(self) -> None:
        assert [False, False] == self.look("a", "a")

    def test_a_file_is_read_when_it_has_settled(self) -> None:
        assert [False, False, True, False] == self.look("b", "c", "c", "c")

    def test_a_file_that_comes_back_as_it_was_is_not_read(self) -> None:
        assert [False, False, False] == self.look("b", "a", "a")

    def test_it_looks_sooner_at_what_has_not_settled(self) -> None:
        lookout = Lookout()
        before = lookout.wait(5.0)
        lookout.is_due((None,))

        assert (5.0, 0.2) == (before, lookout.wait(5.0))

    def test_the_first_look_may_find_what_came_before_it(self) -> None:
        lookout = Lookout()
        seen = (None,)

        assert [False, True, False] == [lookout.is_due(seen) for _ in "123"]


class TestSight:
    def test_every_way_to_replace_a_file_is_seen(self, tmp_path) -> None:
        path = tmp_path / "a"
        seen = {sight([path])}
        path.write_text("1")
        seen.add(sight([path]))
        path.write_text("22")
        seen.add(sight([path]))
        new = tmp_path / "b"
        new.write_text("22")
        new.replace(path)
        seen.add(sight([path]))

        assert 4 == len(seen)

    def test_the_swap_of_a_kubernetes_volume_is_seen(self, tmp_path) -> None:
        for version in ("1", "2"):
            (tmp_path / version).mkdir()
            (tmp_path / version / "app.toml").write_text("same")
        data, path = tmp_path / "..data", tmp_path / "app.toml"
        data.symlink_to("1")
        path.symlink_to("..data/app.toml")
        before = sight([path])
        new = tmp_path / "..data_tmp"
        new.symlink_to("2")
        new.replace(data)

        assert before != sight([path])


def by_rename(path: Path, text: str) -> None:
    """Write a file beside it and move it there, as most editors do."""
    new = path.with_name(f".{path.name}.tmp")
    new.write_text(text)
    new.replace(path)


def by_backup(path: Path, text: str) -> None:
    """Move the old one aside and write anew, as vim does (writebackup)."""
    path.rename(f"{path}~")
    path.write_text(text)
    os.unlink(f"{path}~")


def in_place(path: Path, text: str) -> None:
    """Empty it and write it in two parts, as a shell does with ``>``."""
    with open(path, "w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        file.write(text[len(text) // 2 :])


def by_sed(path: Path, text: str) -> None:
    subprocess.run(["sed", "-i", 's/"a"/"b"/', str(path)], check=True)


def by_link(path: Path, text: str) -> None:
    """Replace it by a link to another file."""
    other = path.with_name("other.toml")
    other.write_text(text)
    link = path.with_name("link")
    link.symlink_to(other)
    link.replace(path)


def by_vim(path: Path, text: str) -> None:
    command = ["vim", "-u", "NONE", "-es", '+%s/"a"/"b"/', "+wq", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


SAVES = [by_rename, by_backup, in_place, by_link]
SAVES += [by_sed] if shutil.which("sed") else []
SAVES += [by_vim] if shutil.which("vim") else []


@contextmanager
def unreadable(path: Path):
    """Let this process be one that may not read *path*."""
    if os.geteuid():
        path.chmod(0)
        yield
        path.chmod(0o600)
        return
    # root may read anything, so be somebody else, and only touch the file.
    path.chmod(0o600)
    passable = [p for p in path.parents if p.stat().st_mode & 0o011 == 0]
    with ExitStack() as undo:
        for folder in passable:
            undo.callback(folder.chmod, folder.stat().st_mode & 0o7777)
            folder.chmod(0o755)
        os.utime(path)
        os.seteuid(65534)
        undo.callback(os.seteuid, 0)
        yield


class TestWatch:
    def test_a_change_takes_effect_and_an_error_does_not(self, config) -> None:
        config.configure('service = "a"\nwatch = 0.1')
        config.write('service = "b"\nwatch = 0.1')
        wait_for(lambda: "settings_changed" in config.names())
        config.write("service = ")
        wait_for(lambda: "settings_refused" in config.names())
        config.write('service = "c"\nwatch = 0.1')
        wait_for(lambda: 3 == len(config.events))

        assert [
            "settings_changed",
            "settings_refused",
            "settings_changed",
        ] == (config.names())

    def test_a_swap_of_a_kubernetes_volume_takes_effect(
        self, config, tmp_path
    ) -> None:
        for version in ("1", "2"):
            (tmp_path / version).mkdir()
            config.path = tmp_path / version / "app.toml"
            config.write(f'service = "{version}"\nwatch = 0.1')
        data, path = tmp_path / "..data", tmp_path / "app.toml"
        data.symlink_to("1")
        path.symlink_to("..data/app.toml")
        mohflow.configure(Settings(config_file=path))
        new = tmp_path / "..data_tmp"
        new.symlink_to("2")
        new.replace(data)

        wait_for(config.log.read_text)
        assert "2" == config.events[0]["service"]

    @pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__)
    def test_every_way_to_save_takes_effect_once(self, config, save) -> None:
        config.configure('service = "a"\nwatch = 0.1')
        new = config.path.read_text().replace('"a"', '"b"')
        save(config.path, new)
        wait_for(lambda: "settings_changed" in config.names())
        structlog.get_logger().info("after")

        # What was half written may have been refused, and nothing else.
        assert ["settings_changed", "after"] == [
            name for name in config.names() if name != "settings_refused"
        ]
        assert "b" == config.events[-1]["service"]
        assert new == config.path.read_text()

    def test_a_file_that_is_deleted_keeps_the_settings_until_it_is_back(
        self, config
    ) -> None:
        config.configure('service = "a"\nwatch = 0.1')
        text = config.path.read_text()
        config.path.unlink()
        wait_for(lambda: "settings_refused" in config.names())
        structlog.get_logger().info("goes on")
        config.path.write_text(text.replace('"a"', '"b"'))
        wait_for(lambda: "settings_changed" in config.names())

        assert ["a", "a", "b"] == [one["service"] for one in config.events]
        assert "No such file or directory" in config.events[0]["error"]

    @pytest.mark.skipif(
        not hasattr(os, "seteuid"), reason="permissions of POSIX"
    )
    def test_a_permission_that_is_lost_keeps_the_settings(
        self, config
    ) -> None:
        config.configure('service = "a"\nwatch = 0.1')
        structlog.get_logger().info("opens the file")
        config.log.chmod(0o644)
        with unreadable(config.path):
            wait_for(lambda: "settings_refused" in config.names())
        config.write('service = "b"\nwatch = 0.1')
        wait_for(lambda: "settings_changed" in config.names())

        assert ["a", "a", "b"] == [one["service"] for one in config.events]
        assert "Permission denied" in config.events[1]["error"]

    def test_its_thread_ends_with_the_setting_and_with_shutdown(
        self, config
    ) -> None:
        def watching():
            return [
                thread
                for thread in threading.enumerate()
                if thread.name == "mohflow-watch"
            ]

        # That of the test before may not have noticed its end yet.
        wait_for(lambda: not watching())
        config.configure("watch = 0.1")
        assert 1 == len(watching())
        config.write()
        wait_for(lambda: not watching())
        config.write("watch = 0.1")
        mohflow.reload()
        wait_for(lambda: 1 == len(watching()))
        mohflow.shutdown()
        wait_for(lambda: not watching())

    def test_a_fork_watches_too(self, config, program) -> None:
        config.write('service = "a"\nwatch = 0.1')
        done = program(
            f"""
            import os, pathlib, time, warnings
            warnings.simplefilter("ignore")
            import mohflow
            from mohflow import Settings
            config = pathlib.Path({str(config.path)!r})
            mohflow.configure(Settings(config_file=config))
            pid = os.fork()
            if pid:
                os.waitpid(pid, 0)
                os._exit(0)
            config.write_text(config.read_text().replace('"a"', '"b"'))
            log = pathlib.Path({str(config.log)!r})
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                if log.read_text().count("settings_changed") == 2:
                    break
                time.sleep(0.01)
            os._exit(0)
            """
        )

        assert 0 == done.returncode, done.stderr
        # The parent, which waits, and the child each tell of it.
        assert ["settings_changed"] * 2 == config.names()

    def test_a_bell_makes_it_read_at_once(self, config) -> None:
        rung = threading.Event()
        watcher = Watcher(lambda: [config.path], rung.set)
        watcher.start(3600.0)
        watcher._on_sighup(1, None)

        assert rung.wait(10)
        watcher.stop()


class TestSighup:
    PROGRAM = """
        import os, pathlib, signal, sys, time
        import mohflow
        from mohflow import Settings
        config = pathlib.Path(sys.argv[1])
        {before}
        mohflow.configure(Settings(config_file=config))
        config.write_text(config.read_text().replace('"a"', '"b"'))
        os.kill(os.getpid(), signal.SIGHUP)
        log = pathlib.Path(sys.argv[2])
        deadline = time.monotonic() + 20
        while {wait} and time.monotonic() < deadline:
            time.sleep(0.01)
        print("alive")
    """

    def run(
        self, config, tmp_path, *, before="", wait="not log.stat().st_size"
    ):
        config.write('service = "a"\nwatch = 3600')
        path = tmp_path / "program.py"
        source = self.PROGRAM.format(before=before, wait=wait)
        path.write_text(__import__("textwrap").dedent(source))
        return subprocess.run(
            [sys.executable, str(path), str(config.path), str(config.log)],
            capture_output=True,
            check=False,
            encoding="utf-8",
            start_new_session=True,
            timeout=60,
        )

    def test_it_reads_the_settings_again(self, config, tmp_path) -> None:
        done = self.run(config, tmp_path)

        assert "alive\n" == done.stdout, done.stderr
        assert ["settings_changed"] == config.names()

    def test_a_handler_of_the_program_stays(self, config, tmp_path) -> None:
        done = self.run(
            config,
            tmp_path,
            before="signal.signal(signal.SIGHUP, lambda *_: print('mine'))",
            wait="False",
        )

        assert "mine\nalive\n" == done.stdout
        assert [] == config.names()

    def test_with_a_terminal_it_ends_the_program(
        self, config, tmp_path
    ) -> None:
        # A session of its own whose terminal is a new one.
        done = self.run(
            config,
            tmp_path,
            before="import pty\n        "
            "os.open(os.ttyname(pty.openpty()[1]), os.O_RDWR)",
        )

        assert -signal.SIGHUP == done.returncode
        assert [] == config.names()


class Callers:
    """Threads that log numbered events until they are told to stop."""

    def __init__(self) -> None:
        self.logged = [0] * 8
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._log, args=(index,))
            for index in range(8)
        ]

    def _log(self, index):
        logger = structlog.get_logger(f"thread{index}")
        while not self._is_over.is_set():
            logger.info("x", thread=index, number=self.logged[index])
            self.logged[index] += 1
            logger.debug("d", thread=index)
            time.sleep(0.001)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def numbers_in(self, events):
        """Return the numbers of each thread, in the order of *events*."""
        found = [[] for _ in self.logged]
        for event in events:
            if event["event"] == "x":
                found[event["thread"]].append(event["number"])
        return found

    @property
    def expected(self):
        return [list(range(count)) for count in self.logged]


def resources():
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def check_swaps(config, reloads):
    """Change the static fields and the level together, again and again."""

    def write(number):
        name, level = ("a", "info") if number % 2 else ("b", "debug")
        config.write(
            f'service = "{name}"\nenvironment = "{name}"\nlevel = "{level}"'
        )

    write(0)
    mohflow.configure(Settings(config_file=config.path))
    structlog.get_logger().info("opens the file")
    before = resources()
    with Callers() as callers:
        for number in range(1, reloads + 1):
            write(number)
            assert mohflow.reload()
    events = config.events

    assert before == resources()
    assert callers.expected == callers.numbers_in(events)
    assert reloads == config.names().count("settings_changed")
    assert {("a", "a"), ("b", "b")} == {
        (event["service"], event["environment"]) for event in events
    }
    assert {"b"} == {e["service"] for e in events if e["event"] == "d"}


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
class TestUnderLoad:
    def test_no_event_is_lost_doubled_or_half_configured(self, config) -> None:
        check_swaps(config, 100)

    def test_events_of_sinks_that_change_are_neither_lost_nor_doubled(
        self, config, monkeypatch
    ) -> None:
        check_sinks(config, 40, monkeypatch)

    @pytest.mark.slow
    def test_ten_thousand_reloads_lose_nothing_and_leave_nothing(
        self, config
    ) -> None:
        check_swaps(config, 10_000)


def check_sinks(config, reloads, monkeypatch):
    """Change an option of a sink with a queue, so that it is replaced."""
    stored = []

    class Keep(mohflow.Sink):
        options_type = mohflow.DeliveryOptions

        def __init__(self, options):
            self.options = options

        def write(self, batch):
            stored.extend(json.loads(event.line) for event in batch)

    def write(number):
        config.write(
            f'[sinks.keep]\ntype = "keep"\nlinger = 0.{number % 2 + 1}\n'
        )

    monkeypatch.setattr(plugins, "load", lambda kind: Keep)
    write(0)
    mohflow.configure(Settings(config_file=config.path))
    with Callers() as callers:
        before = resources()
        for number in range(1, reloads + 1):
            write(number)
            assert mohflow.reload()
        assert resources()[1] <= before[1] + 1
    mohflow.shutdown()
    found = callers.numbers_in(stored)

    # A sink that goes and the one that comes may write at the same time.
    assert callers.expected == [sorted(numbers) for numbers in found]
