"""The files, their ids, and the types made from them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.catalog import Catalog, SchemaFileError, catalog, stem_of
from schemas.generate import ids_source
from schemas.registry import FileRegistry, NotRegisteredError, read_ids
from streams.log.topics import Topics
from tests.schemas.test_compatibility import A, folder, record


def test_every_version_has_an_id_that_was_never_anothers() -> None:
    """Ids count from 1 without gaps: one that was taken out of the file would leave one."""
    given = read_ids()
    assert {(schema.name, schema.version) for schema in catalog()} <= set(given)
    assert sorted(line.id for line in given.values()) == list(range(1, len(given) + 1))


def test_the_types_and_ids_are_those_of_the_files() -> None:
    """`python -m schemas.generate` has nothing to write."""
    done = subprocess.run(
        [sys.executable, "-m", "schemas.generate", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_record_goes_to_a_topic_of_the_prefix() -> None:
    """Subjects need the topic's name; `stem_of` knows it for all."""
    names = {spec.name for spec in Topics("p").specs(1, 1)}
    assert {f"p.{stem_of(schema)}" for schema in catalog()} <= names


def test_an_id_stays_when_its_file_is_gone(tmp_path: Path) -> None:
    """A record that is no longer written leaves its id behind, so that no other gets it."""
    folder(tmp_path, record(A))
    (tmp_path / "avsc" / "inputs" / "Tick" / "1.avsc").unlink()
    files = folder(tmp_path, record(A, name="Tock"))
    assert {name: line.id for name, line in read_ids(tmp_path).items()} == {("Tick", 1): 1, ("Tock", 1): 2}
    assert FileRegistry(files).id_of("Tock") == 2


def test_a_version_that_is_not_there_has_no_id() -> None:
    """Said in words, not as a bare key."""
    with pytest.raises(NotRegisteredError, match=r"^Tick version 99: there is no such schema$"):
        FileRegistry().id_of("Tick", 99)


def test_an_id_given_twice_is_refused(tmp_path: Path) -> None:
    """Two branches gave the same number: the merge has to settle it."""
    files = folder(tmp_path, record(A))
    lines = json.loads((tmp_path / "ids.json").read_text())
    lines["Tock/1"] = lines["Tick/1"]
    (tmp_path / "ids.json").write_text(json.dumps(lines))
    with pytest.raises(SchemaFileError, match=r"id 1 is given to Tick/1 and to Tock/1"):
        FileRegistry(files)


def test_a_version_without_an_id_is_refused(tmp_path: Path) -> None:
    """The error says what to run."""
    files = folder(tmp_path, record(A))
    (tmp_path / "ids.json").write_text("{}")
    with pytest.raises(SchemaFileError, match=r"python -m schemas\.generate"):
        FileRegistry(files)


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("inputs/Tick/1.avsc", "{", "not JSON"),
        ("inputs/Tick/1.avsc", "[]", "must be named Tick"),
        ("inputs/Tick/1.avsc", json.dumps(record(A, name="Tock")), "must be named Tick"),
        ("inputs/Tick/one.avsc", json.dumps(record(A)), "named by its number"),
        ("inputs/Tick/1.json", json.dumps(record(A)), "named by its number"),
        ("inputs/Tick/2.avsc", json.dumps(record(A)), "version 1 is missing"),
        ("rumours/Tick/1.avsc", json.dumps(record(A)), "rumours is no kind"),
    ],
)
def test_a_file_that_is_not_right_is_named(tmp_path: Path, path: str, text: str, said: str) -> None:
    """Its path and what is wrong."""
    file = tmp_path / "avsc" / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(SchemaFileError, match=said) as raised:
        Catalog(tmp_path)
    assert str(file) in str(raised.value)


def test_a_name_stands_in_one_kind(tmp_path: Path) -> None:
    """A record and its class share the name: two would be one."""
    folder(tmp_path, record(A))
    other = tmp_path / "avsc" / "facts" / "Tick" / "1.avsc"
    other.parent.mkdir(parents=True)
    other.write_text(json.dumps(record(A)))
    with pytest.raises(SchemaFileError, match="must be unique"):
        Catalog(tmp_path)


def test_ids_are_given_once(tmp_path: Path) -> None:
    """Making the file again changes nothing."""
    files = folder(tmp_path, record(A), record(A))
    assert ids_source(files, amend=False) == (tmp_path / "ids.json").read_text()
