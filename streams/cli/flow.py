"""`attesa flow`: check flows, publish them, see what is in force."""

import json as json_module
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.console import Console

from schemas.errors import UsageError
from schemas.types.flow_commands import FlowPublished
from streams.cli.flow_force import InForce, in_force
from streams.cli.flow_form import fmt
from streams.cli.flow_see import diagram, diff
from streams.cli.flow_try import run_scenarios, simulate_flow
from streams.cli.output import show
from streams.core.registry import FlowInForce
from streams.flows.definition import read_definition, read_workspace
from streams.flows.files import (
    FindingsError,
    Linted,
    copy_ready,
    flow_paths,
    lint,
    read_workspace_file,
    ready_flows,
)
from streams.flows.json_schema import flow_schema, workspace_schema
from streams.flows.parsing.codes import FORM
from streams.flows.parsing.flow import FlowFile, parse
from streams.flows.review import checks
from streams.flows.sarif import sarif
from streams.log.publishing import flow_published, operator, publish, say
from streams.log.settings import load

__all__ = ["Progress", "app", "in_force"]

app = typer.Typer(
    help="Flows: check them, see and try them, publish them, see what is in force.", no_args_is_help=True
)
app.command("diagram")(diagram)
app.command("diff")(diff)
app.command("fmt")(fmt)
app.command("simulate")(simulate_flow)
app.command("test")(run_scenarios)

Json = Annotated[bool, typer.Option("--json", help="One object for programs.")]
Prefix = Annotated[str | None, typer.Option(help="The topics' prefix; else ATTESA_PREFIX.")]
WorkspaceId = Annotated[
    str | None, typer.Option("--workspace", help="The workspace's id; not needed where there is one only.")
]
Files = Annotated[list[Path], typer.Argument(help="Flow files, or folders of them.", show_default=False)]


@app.command("lint")
def lint_files(
    files: Files,
    *,
    workspace: Annotated[
        Path | None, typer.Option(help="A workspace file: its channels, language and policies are asked too.")
    ] = None,
    sarif_file: Annotated[
        Path | None, typer.Option("--sarif", help="Writes the findings as SARIF 2.1.0 too, for code hosts.")
    ] = None,
    json: Json = False,
) -> None:
    """Checks flow files and the templates beside them. Exit code 1 if any has an error."""
    known = read_workspace_file(workspace)[0] if workspace else None
    linted = [lint(path, known) for path in flow_paths(files)]
    if sarif_file is not None:
        _write_sarif(linted, sarif_file)
    _show_findings(linted, json=json)
    if any(each.standing({}) for each in linted):
        raise typer.Exit(1)


def _write_sarif(linted: list[Linted], path: Path) -> None:
    findings = [finding for each in linted for finding in each.findings]
    made = sarif(findings, version=installed("attesa"), root=Path.cwd())
    path.write_text(json_module.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _show_findings(linted: list[Linted], *, json: bool) -> None:
    findings = [finding for each in linted for finding in each.findings]
    if json:
        rows = [{name: getattr(finding, name) for name in finding.__struct_fields__} for finding in findings]
        show(rows, json=True, files=[str(each.path) for each in linted])
        return
    for finding in findings:
        typer.echo(str(finding))
    wrong = sum(finding.severity == "error" for finding in findings)
    typer.echo(f"{len(linted)} files: {wrong} errors, {len(findings) - wrong} warnings", err=True)


@app.command("codes")
def codes(*, json: Json = False) -> None:
    """Every code that `lint` can say, with its meaning."""
    rows = [{"code": each.code, "severity": "error", "meaning": each.meaning} for each in FORM.values()]
    rows += [{"code": e.code, "severity": e.severity, "meaning": e.meaning} for e in checks().values()]
    show(rows, json=json, title="Codes")


@app.command("schema")
def schema(
    of: Annotated[str, typer.Argument(help="flow or workspace.")] = "flow",
) -> None:
    """The JSON Schema of flow files (or of workspace files), for editors; one object."""
    made = {"flow": flow_schema, "workspace": workspace_schema}.get(of)
    if made is None:
        raise UsageError(f"there is no schema of {of}; there are flow and workspace")
    typer.echo(json_module.dumps(made(), ensure_ascii=False, indent=1))


@app.command("publish")
def publish_files(
    files: Files,
    *,
    workspace: WorkspaceId = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="CODE=reason: publish all the same; the reason stands in the log."),
    ] = None,
    prefix: Prefix = None,
    timeout: Annotated[float, typer.Option(min=0, help="How long to wait for every partition, s.")] = 30.0,
    wait: Annotated[bool, typer.Option(help="Wait until it is in force.")] = True,
    json: Json = False,
) -> None:
    """Checks flows against their workspace, publishes all or none, waits until they are in force."""
    settings = load()
    prefix = prefix or settings.prefix
    allowed = _allowed(allow or [])
    force = in_force(settings, prefix)
    name = force.workspace(workspace)
    known = read_workspace(force.configured(name).definition)
    records = [_record(lint(path, known), name, allowed) for path in flow_paths(files)]
    _refuse_twins(records)
    if not wait:
        say(settings, prefix, records)
        show([{"flow": r.flow, "result": "said"} for r in records], json=json)
        return
    with Progress() as progress:
        done = publish(settings, prefix, records, wait_s=timeout, progress=progress)
    rows = [
        {
            "workspace": name,
            "flow": record.flow,
            "version": each.version,
            "result": each.result,
            "partitions": each.partitions,
        }
        for record, each in zip(records, done, strict=True)
    ]
    show(rows, json=json, title="Published")


def _record(linted: Linted, workspace: str, allowed: dict[str, str]) -> FlowPublished:
    """The record of a flow that may be published; warnings go to standard error."""
    file, definition, _ = linted.publishable(allowed)
    for finding in linted.findings:
        if finding.code not in allowed:
            typer.echo(str(finding), err=True)
    used = {finding.code: allowed[finding.code] for finding in linted.findings if finding.code in allowed}
    return flow_published(
        workspace, file.flow.flow, file.source, definition, by=operator(), allowed=dict(sorted(used.items()))
    )


def _allowed(pairs: list[str]) -> dict[str, str]:
    """`CODE=reason`, each code one of the review's that may be allowed."""
    known = checks()
    allowed = {}
    for pair in pairs:
        code, _, reason = pair.partition("=")
        if code not in known or not reason.strip():
            raise UsageError(
                f"--allow {pair}: write CODE=reason, with a code of `attesa flow codes` from ATT101 on"
            )
        if not known[code].allowable:
            raise UsageError(f"--allow {code}: a flow with it could not be run ({known[code].meaning})")
        allowed[code] = reason.strip()
    return allowed


def _refuse_twins(records: list[FlowPublished]) -> None:
    names = [record.flow for record in records]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise UsageError(f"two of these files are called `flow: {twins[0]}`: nothing was published")


class Progress:
    """Partitions that have it in force, on standard error where that is a terminal. A context manager."""

    def __init__(self) -> None:
        self._status = Console(stderr=True).status("waiting for every partition …")

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def __call__(self, done: int, of: int) -> None:
        """So many of so many partitions."""
        self._status.update(f"in force on {done} of {of} partitions")


@app.command("ls")
def list_flows(*, workspace: WorkspaceId = None, prefix: Prefix = None, json: Json = False) -> None:
    """The flows in force, from the flows topic."""
    settings = load()
    force = in_force(settings, prefix or settings.prefix)
    rows = [
        _row(force, flow)
        for (owner, _), flow in sorted(force.registry.flows.items())
        if workspace is None or owner == workspace
    ]
    show(rows, json=json, title="Flows", flows_offset=force.end)


def _row(force: InForce, flow: FlowInForce) -> dict[str, object]:
    record = force.entries[flow.current.offset].record
    program = flow.current.program
    return {
        "workspace": program.workspace,
        "flow": program.flow,
        "version": flow.current.version,
        "state": "retired" if flow.retired else "paused" if flow.paused else "in force",
        "steps": len(program.steps),
        "published": _moment(record.at),
        "by": record.by,
    }


def _moment(ms: int) -> str:
    """A moment as people read it, UTC."""
    from datetime import UTC, datetime  # noqa: PLC0415 - only where a table is shown

    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@app.command("show")
def show_flow(
    flow: Annotated[str, typer.Argument(help="The flow's id.")],
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Else the one in force.")] = None,
    workspace: WorkspaceId = None,
    prefix: Prefix = None,
    json: Json = False,
) -> None:
    """A published flow as its author wrote it."""
    settings = load()
    force = in_force(settings, prefix or settings.prefix)
    record, published, versions = force.published(force.workspace(workspace), flow, version)
    if not json:
        of = f"version {published.version} of {versions}"
        said = f"published {_moment(record.at)} by {record.by}"
        typer.echo(f"# {record.workspace}/{record.flow}, {of}, {said}")
        for code, reason in record.allowed.items():
            typer.echo(f"# {code} was allowed: {reason}")
        typer.echo(record.source.rstrip("\n"))
        return
    templates = read_definition(record.definition).templates
    row = {
        "workspace": record.workspace,
        "flow": record.flow,
        "version": published.version,
        "versions": versions,
        "published_at": record.at,
        "by": record.by,
        "allowed": record.allowed,
        "content": record.content,
        "source": record.source,
        "templates": sorted(templates),
    }
    show([row], json=True)


@app.command("library")
def library(
    what: Annotated[str | None, typer.Argument(help="`copy`, to copy one; nothing, to list them.")] = None,
    name: Annotated[str | None, typer.Argument(help="A ready flow's name, or `workspace`.")] = None,
    *,
    to: Annotated[Path, typer.Option(help="The folder to copy into.")] = Path(),
    json: Json = False,
) -> None:
    """The ready flows; `library copy NAME --to DIR` copies one with its templates, to make it one's own."""
    if what is None:
        rows = [_ready(each, folder) for each, folder in ready_flows().items()]
        show(rows, json=json, title="Ready flows")
        return
    if what != "copy" or name is None:
        raise UsageError("say `attesa flow library`, or `attesa flow library copy NAME --to DIR`")
    show([{"file": str(path)} for path in copy_ready(name, to)], json=json, title="Copied")


def _ready(name: str, folder: Path) -> dict[str, object]:
    file = parse((folder / "flow.yaml").read_text("utf-8"), str(folder / "flow.yaml"))
    if not isinstance(file, FlowFile):
        raise FindingsError(f"the ready flow {name} is broken", file)
    return {"flow": name, "title": file.flow.title, "triggers": len(file.flow.trigger)}
