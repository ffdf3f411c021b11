"""`attesa flow simulate` and `test`: a flow tried before it is published, without a broker."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from schemas.errors import UsageError
from streams.cli.output import console, show
from streams.flows.definition import read_definition
from streams.flows.files import read_workspace_file, scenario_paths
from streams.flows.model import Workspace
from streams.flows.parsing import scalars
from streams.flows.paths import MOST, Paths, paths
from streams.flows.scenario import (
    Attempt,
    attempt,
    junit,
    moment_of,
    read_scenario,
    run_scenario,
    try_scenario,
)
from streams.flows.simulate import Run, simulate, trigger_act
from streams.flows.timeline import since_words, timeline
from streams.flows.trial import Act, AgentWrites, ContactWrites, EventHappens, Known, Timed, Trial
from streams.flows.words import span_words

__all__ = ["run_scenarios", "simulate_flow"]

START = "2026-03-02T10:00"
"""A Monday morning, by the contact's clock."""
_KNOWN = ("zone", "language", "tag", "consent")
_PROPERTY = re.compile(r"\s+([\w.-]+)=")
Json = Annotated[bool, typer.Option("--json", help="One object for programs.")]
WorkspaceFile = Annotated[
    Path | None,
    typer.Option(
        "--workspace", help="A workspace file; else the workspace.yaml near the flow, else a stand-in."
    ),
]


def simulate_flow(
    file: Annotated[Path, typer.Argument(help="A flow file.", show_default=False)],
    *,
    scenario: Annotated[Path | None, typer.Option(help="A scenario file: what the contact does.")] = None,
    reply: Annotated[
        list[str] | None, typer.Option(help='"2h: sì": the contact writes, after so long.')
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(help='"1h: order.completed total=30": an event, with properties.')
    ] = None,
    agent: Annotated[list[str] | None, typer.Option(help='"0s: buongiorno": an agent writes.')] = None,
    contact: Annotated[
        list[str] | None,
        typer.Option(help="zone=Europe/Rome,language=it,consent=marketing,tag=vip; other names: attributes."),
    ] = None,
    start: Annotated[str, typer.Option(help="When it begins: ISO 8601, by the contact's clock.")] = START,
    all_paths: Annotated[
        bool, typer.Option("--all-paths", help="Every way through the flow instead.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Of --all-paths: list so many.")] = MOST,
    workspace: WorkspaceFile = None,
    json: Json = False,
) -> None:
    """Tries a flow on one contact and shows what would happen, moment by moment.

    The flow's first trigger happens at 0s, unless one of the options says what does.
    """
    ready = attempt(file, _workspace(workspace))
    if all_paths:
        _show_paths(paths(read_definition(ready.definition).flow, most=limit), json=json)
        return
    if scenario is not None:
        if reply or event or agent or contact:
            raise UsageError(
                "--scenario says what happens: leave out --reply, --event, --agent and --contact"
            )
        run = run_scenario(read_scenario(scenario), ready)
    else:
        known = _contact(contact or [])
        acts = [
            *(_timed(text, "--event", _event) for text in event or []),
            *(_timed(text, "--agent", lambda said: AgentWrites(text=said)) for text in agent or []),
            *(_timed(text, "--reply", lambda said: ContactWrites(text=said)) for text in reply or []),
        ]
        run = simulate(ready.definition, ready.workspace, _trial(ready, known, acts, start))
    _show_run(run, ready, json=json)


def _workspace(path: Path | None) -> Workspace | None:
    return read_workspace_file(path)[0] if path is not None else None


def _trial(ready: Attempt, known: Known, acts: list[Timed], start: str) -> Trial:
    if not any(timed.at == 0 for timed in acts):
        first = trigger_act(read_definition(ready.definition))
        if first is None:
            raise UsageError("nothing starts this flow by itself here: say what happens at 0s, or --scenario")
        acts = [Timed(0, first), *acts]
    try:
        at = moment_of(scalars.iso_moment(start), known.zone or ready.workspace.zone)
    except ValueError as error:
        raise UsageError(f"--start {start}: {error}") from None
    return Trial(at, known, tuple(acts))


def _timed(text: str, option: str, made: Callable[[str], Act]) -> Timed:
    """`2h: sì`."""
    at, _, said = text.partition(":")
    if not said.strip():
        raise UsageError(f'{option} "{text}": write a span, a colon and what happens, as "2h: …"')
    try:
        return Timed(scalars.span_or_nothing(at.strip()), made(said.strip()))
    except ValueError as error:
        raise UsageError(f'{option} "{text}": {error}') from None


def _event(said: str) -> EventHappens:
    """`order.completed total=30 product="Espresso X"`: a number where it reads as one."""
    name, *rest = _PROPERTY.split(said)
    values = (value.strip() for value in rest[1::2])
    return EventHappens(
        name=scalars.name(name.strip()), properties=dict(zip(rest[::2], map(_value, values), strict=True))
    )


def _value(text: str) -> Any:
    """Text as JSON reads it (a number, true, "text in quotes"), else as it stands."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return value if isinstance(value, str | int | float | bool) else text


def _contact(pairs: list[str]) -> Known:
    """`zone=…,language=…`: what is known of the contact; names that are none of ours are attributes."""
    found: dict[str, Any] = {"attributes": {}, "tags": (), "consent": {}}
    for pair in (each for several in pairs for each in several.split(",")):
        name, equals, value = pair.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name:
            raise UsageError(f"--contact {pair}: write name=value, with a comma between two")
        match name:
            case "zone":
                found["zone"] = _read(name, scalars.place_zone, value)
            case "language":
                found["language"] = _read(name, scalars.language, value)
            case "tag":
                found["tags"] = (*found["tags"], value)
            case "consent":
                found["consent"][value.removeprefix("-")] = not value.startswith("-")
            case _:
                found["attributes"][name] = _value(value)
    return Known(**found)


def _read(name: str, parse: Any, value: str) -> str:
    try:
        return str(parse(value))
    except ValueError as error:
        raise UsageError(f"--contact {name}={value}: {error}") from None


def _show_run(run: Run, ready: Attempt, *, json: bool) -> None:
    lines = timeline(run)
    if json:
        rows = [{name: getattr(line, name) for name in line.__struct_fields__} for line in lines]
        show(
            rows, json=True, start=run.start, zone=run.zone, cut=run.cut, workspace=ready.workspace.workspace
        )
        return
    which = "a stand-in workspace" if ready.stand_in else f"workspace {ready.workspace.workspace}"
    console.print(f"{which}, clock of {run.zone}, delivery assumed", style="dim", markup=False)
    for line in lines:
        moment = f"{line.clock}  {since_words(line.since):<16}"
        console.print(
            f"{moment}  {line.kind:<12}  {line.what}", markup=False, highlight=False, soft_wrap=True
        )
        for part in (line.text or "").splitlines():
            console.print(f"{' ' * 57}“{part}”", markup=False, highlight=False, soft_wrap=True)
    sent = sum(line.kind == "sent" and line.text is not None for line in lines)
    last = lines[-1].since if lines else 0
    console.print(f"{sent} messages, over after {since_words(last).removeprefix('+')}", markup=False)
    if run.cut:
        console.print("cut: something was still waiting at the end of what is followed", markup=False)


def _show_paths(found: Paths, *, json: bool) -> None:
    if json:
        rows = [{name: getattr(path, name) for name in path.__struct_fields__} for path in found.paths]
        show(rows, json=True, cut=found.cut, most_messages=found.most_messages, longest=found.longest)
        return
    rows = [
        {
            "way": ", ".join(path.choices) or "straight on",
            "messages": len(path.messages),
            "sent": ", ".join(path.messages) or "nothing",
            "takes": _takes(path.shortest, path.longest),
            "ends": path.ends,
        }
        for path in found.paths
    ]
    show(rows, title="Ways")
    bound = "of all ways, also those that are not shown" if found.cut else f"of {len(found.paths)} ways"
    typer.echo(f"at most {found.most_messages} messages and {span_words(found.longest)}, {bound}")
    typer.echo("(exit rules end one sooner, quiet hours delay a message, caps and consent hold one back)")
    if found.cut:
        typer.echo(f"cut after {len(found.paths)} ways: --limit shows more", err=True)


def _takes(shortest: int, longest: int) -> str:
    if shortest == longest:
        return span_words(shortest)
    return f"{span_words(shortest)} to {span_words(longest)}"


def run_scenarios(
    files: Annotated[
        list[Path], typer.Argument(help="Scenario files, or folders of them.", show_default=False)
    ],
    *,
    workspace: WorkspaceFile = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", help="Writes the result as JUnit's XML too.")
    ] = None,
    json: Json = False,
) -> None:
    """Lives scenarios through and compares with what they expect. Exit code 1 if anything differs."""
    known = _workspace(workspace)
    verdicts = [try_scenario(path, known) for path in scenario_paths(files)]
    if junit_file is not None:
        junit_file.write_text(junit(verdicts), "utf-8")
    wrong = sum(not verdict.good for verdict in verdicts)
    if json:
        show(msgspec.to_builtins(verdicts), json=True, failed=wrong)
    else:
        for verdict in verdicts:
            typer.echo(str(verdict))
        typer.echo(f"{len(verdicts)} scenarios: {len(verdicts) - wrong} as expected, {wrong} not")
    if wrong:
        raise typer.Exit(1)
