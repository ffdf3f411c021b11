"""Where Apache Kafka's jars and the Java that runs them come from."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.errors import FetchFailedError, MissingProgramError

__all__ = [
    "JAVA_AT_LEAST",
    "KAFKA_VERSION",
    "cache_dir",
    "fetch",
    "find_java",
    "is_fetched",
    "missing_programs",
]

KAFKA_VERSION = "4.1.0"
JAVA_AT_LEAST = 17

_POM = Path(__file__).with_name("pom.xml")
_INSTALL = "install them with: apt install openjdk-17-jre-headless maven"
_FETCH_SECONDS = 600


def cache_dir() -> Path:
    """`ATTESA_CACHE_DIR`, else `~/.cache/attesa` (or below `XDG_CACHE_HOME`)."""
    named = os.environ.get("ATTESA_CACHE_DIR")
    if named:
        return Path(named).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "attesa"


def find_java() -> Path:
    """`JAVA_HOME`'s java, else the one on the path. Raises `MissingProgramError` where it is absent or below
    17.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None:
        where = f"in JAVA_HOME ({home})" if home else "on the path"
        raise MissingProgramError(
            f"Apache Kafka needs Java {JAVA_AT_LEAST} or newer, and there is no java {where}: {_INSTALL}"
        )
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA_AT_LEAST:
        first_line = said.partition("\n")[0]
        raise MissingProgramError(
            f"Apache Kafka needs Java {JAVA_AT_LEAST} or newer, and {found} is {first_line}: {_INSTALL}"
        )
    return Path(found)


def is_fetched() -> bool:
    """Whether the jars are in the cache, whole."""
    return _libs().is_dir()


def missing_programs() -> str | None:
    """Why Apache Kafka cannot run here and what to install, or None where it can. Maven counts only before
    the fetch.
    """
    try:
        find_java()
        if not is_fetched():
            _find_maven()
    except MissingProgramError as error:
        return str(error)
    return None


def fetch() -> Path:
    """The folder with Apache Kafka's jars; the first call fetches them (about 54 MB).

    Safe when several run at once: one fetches, the others wait. A fetch that was cut off leaves nothing that
    counts. Raises `MissingProgramError` or `FetchFailedError`.
    """
    libs = _libs()
    if libs.is_dir():
        return libs
    with _only_one(libs):
        if not libs.is_dir():
            _fetch_to(libs)
    return libs


def _libs() -> Path:
    return cache_dir() / f"kafka-{KAFKA_VERSION}"


def _find_maven() -> str:
    found = shutil.which("mvn")
    if found is None:
        raise MissingProgramError(
            f"fetching Apache Kafka {KAFKA_VERSION} needs Maven, and there is no mvn on the path: {_INSTALL}"
        )
    return found


def _fetch_to(libs: Path) -> None:
    maven = _find_maven()
    for left_over in libs.parent.glob(f"{libs.name}.part-*"):
        shutil.rmtree(left_over)
    part = Path(tempfile.mkdtemp(prefix=f"{libs.name}.part-", dir=libs.parent))
    try:
        command = [
            maven,
            "-B",
            "-q",
            "-f",
            str(_POM),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={part}",
        ]
        command.append("-DincludeScope=runtime")
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise FetchFailedError(
                f"Maven did not fetch Apache Kafka {KAFKA_VERSION} within {_FETCH_SECONDS} s: try again"
            ) from error
        if done.returncode != 0 or not (part / f"kafka_2.13-{KAFKA_VERSION}.jar").exists():
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise FetchFailedError(
                f"Maven could not fetch Apache Kafka {KAFKA_VERSION} (exit code {done.returncode}): check "
                f"the network and Maven's settings.xml, then run: python -m deploy.kafka fetch\n{said}"
            )
        part.chmod(0o755)
        part.rename(libs)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _only_one(libs: Path) -> Iterator[None]:
    libs.parent.mkdir(parents=True, exist_ok=True)
    with libs.with_name(f"{libs.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
