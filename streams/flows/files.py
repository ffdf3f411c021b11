"""Flow and workspace files on disk, and the ready ones that come along."""

import shutil
from pathlib import Path
from typing import Final

import msgspec

from schemas.errors import AttesaError, UsageError
from streams.flows.definition import content_of, definition, workspace_definition
from streams.flows.finding import Finding, errors
from streams.flows.model import ANY_LANGUAGE, Channel, Workspace
from streams.flows.parsing.flow import FlowFile, parse
from streams.flows.parsing.located import Unreadable, decode
from streams.flows.parsing.workspace import parse_workspace
from streams.flows.review import checks, review
from streams.flows.template_files import TemplateFiles, read_templates
from streams.flows.walk import channels_of

__all__ = [
    "LIBRARY",
    "FindingsError",
    "Linted",
    "copy_ready",
    "flow_paths",
    "lint",
    "our_files",
    "read_text",
    "read_workspace_file",
    "ready_flows",
    "scenario_paths",
    "stand_in",
    "workspace_near",
    "workspace_paths",
]

LIBRARY: Final = Path(__file__).with_name("library")
"""The ready flows, a folder each, and `workspace.yaml`, which they fit."""
CHANNELS: Final = ("whatsapp", "sms", "email", "push", "webhook", "console", "file")
"""The channels that the grammar names."""


class FindingsError(AttesaError):
    """A file cannot be used as it is; its findings say why, each with its place."""

    def __init__(self, what: str, findings: list[Finding]) -> None:
        """With the findings that stand in the way."""
        super().__init__("\n".join([f"{what}:", *(f"  {finding}" for finding in findings)]))
        self.findings = findings


class Linted(msgspec.Struct, frozen=True):
    """A flow file, parsed and reviewed."""

    path: Path
    file: FlowFile | None
    """None if it does not parse."""
    templates: TemplateFiles
    findings: list[Finding]

    def standing(self, allowed: dict[str, str]) -> list[Finding]:
        """The errors that are not allowed, or cannot be."""
        known = checks()
        return [
            finding
            for finding in errors(self.findings)
            if finding.code not in allowed or finding.code not in known or not known[finding.code].allowable
        ]

    def publishable(self, allowed: dict[str, str]) -> tuple[FlowFile, str, str]:
        """The flow, its definition and content hash; `FindingsError` if errors stand in the way."""
        standing = self.standing(allowed)
        if self.file is None or standing:
            raise FindingsError(f"{self.path} cannot be published", standing)
        text = definition(self.file.flow, self.templates.templates)
        return self.file, text, content_of(text)


def scenario_paths(paths: list[Path]) -> list[Path]:
    """The scenario files among these: a file as it is, of a folder its `*.yaml` that say `scenario:`.

    `UsageError` if one is not there, or a folder has none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [each for each in sorted(path.rglob("*.y*ml")) if _says(each, b"scenario:")]
            if not inside:
                raise UsageError(f"{path} has no scenario files: *.yaml with a line `scenario: <title>`")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"there is no file {path}")
    return list(dict.fromkeys(found))


def our_files(paths: list[Path]) -> list[Path]:
    """The files among these that say `flow:`, `workspace:` or `scenario:`; a file named itself as it is.

    `UsageError` if one is not there.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            keys = (b"flow:", b"workspace:", b"scenario:")
            found += [each for each in sorted(path.rglob("*.y*ml")) if any(_says(each, key) for key in keys)]
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"there is no file {path}")
    return list(dict.fromkeys(found))


def flow_paths(paths: list[Path]) -> list[Path]:
    """The flow files among these: a file as it is, of a folder its `*.yaml` that say `flow:`, at any depth.

    `UsageError` if one is not there, or a folder has none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [each for each in sorted(path.rglob("*.y*ml")) if _says_flow(each)]
            if not inside:
                raise UsageError(f"{path} has no flow files: *.yaml with a line `flow: <id>`")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"there is no file {path}")
    return list(dict.fromkeys(found))


def workspace_paths(folder: Path) -> list[Path]:
    """The workspace files of a folder, at any depth: its `*.yaml` that say `workspace:`."""
    return [each for each in sorted(folder.rglob("*.y*ml")) if _says(each, b"workspace:")]


def _says_flow(path: Path) -> bool:
    """A scenario says `flow:` too: the one that it is about."""
    return _says(path, b"flow:") and not _says(path, b"scenario:")


def _says(path: Path, key: bytes) -> bool:
    return any(line.startswith(key) for line in path.read_bytes().splitlines())


def lint(path: Path, workspace: Workspace | None) -> Linted:
    """A flow file with the templates in `templates/` beside it, parsed and reviewed.

    Raises `UsageError` if the file cannot be opened; what is wrong with its content is in the findings.
    """
    templates, findings = read_templates(path.parent / "templates")
    try:
        parsed = parse(decode(_bytes(path), str(path)), str(path))
    except Unreadable as unreadable:
        parsed = [unreadable.finding]
    if isinstance(parsed, list):
        return Linted(path, None, templates, [*parsed, *findings])
    return Linted(path, parsed, templates, sorted([*findings, *review(parsed, workspace, templates)]))


def read_workspace_file(path: Path) -> tuple[Workspace, str, str]:
    """A workspace file: the tree, its source, its definition. Raises `UsageError`, `FindingsError`."""
    source = read_text(path)
    workspace = parse_workspace(source, str(path))
    if isinstance(workspace, list):
        raise FindingsError(f"{path} is no workspace", workspace)
    return workspace, source, workspace_definition(workspace)


def read_text(path: Path) -> str:
    """A file's text; raises `UsageError` if it cannot be opened, `FindingsError` if it is no text."""
    try:
        return decode(_bytes(path), str(path))
    except Unreadable as unreadable:
        raise FindingsError(f"{path} cannot be read", [unreadable.finding]) from None


def workspace_near(path: Path) -> Workspace | None:
    """The `workspace.yaml` in a file's folder or the nearest above it; None if there is none.

    The search ends at a repository's folder. Raises `FindingsError` if that file is no workspace.
    """
    for folder in path.resolve().parents:
        if (folder / "workspace.yaml").is_file():
            return read_workspace_file(folder / "workspace.yaml")[0]
        if (folder / ".git").exists():
            return None
    return None


def stand_in(linted: Linted) -> Workspace:
    """For a flow that is tried without a workspace: all channels, UTC, the messages' first language."""
    named = channels_of(linted.file.flow) if linted.file is not None else set()
    spoken = {language for each in linted.templates.by_name.values() for language in each}
    languages = sorted(spoken - {ANY_LANGUAGE})
    channels = {name: Channel("console") for name in sorted({*CHANNELS, *named})}
    return Workspace("trial", "UTC", languages[0] if languages else "en", channels)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def ready_flows() -> dict[str, Path]:
    """The ready flows' folders by name."""
    return {path.parent.name: path.parent for path in sorted(LIBRARY.glob("*/flow.yaml"))}


def copy_ready(name: str, to: Path) -> list[Path]:
    """Copies a ready flow (or `workspace`) into a folder; gives the files. `UsageError` if one is there."""
    known = ready_flows()
    if name == "workspace":
        return _copied([(LIBRARY / "workspace.yaml", to / "workspace.yaml")])
    if name not in known:
        raise UsageError(f"there is no ready flow {name}; there are {', '.join(known)}, and workspace")
    source = known[name]
    files = [each for each in sorted(source.rglob("*")) if each.is_file() and "__pycache__" not in each.parts]
    return _copied([(each, to / name / each.relative_to(source)) for each in files])


def _copied(pairs: list[tuple[Path, Path]]) -> list[Path]:
    there = [target for _, target in pairs if target.exists()]
    if there:
        raise UsageError(f"{there[0]} is there already: nothing was copied")
    for source, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return [target for _, target in pairs]
