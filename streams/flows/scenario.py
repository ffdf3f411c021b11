"""Scenarios: a flow lived through with a contact that does as written, and what came of it against what was
expected.

`at` is met by the moment itself, and by the moment counted without the grace that waits are given before they
count as unanswered: an author who says that a wait of an hour ends after an hour is right.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from schemas.types import facts
from schemas.types.facts import Fact
from streams.core.zones import moment
from streams.flows.files import FindingsError, lint, read_text, stand_in, workspace_near
from streams.flows.finding import Finding
from streams.flows.model import Workspace
from streams.flows.parsing.scenario import ABOUT, EXPECTED, Expectation, Scenario, parse_scenario
from streams.flows.simulate import Run, SimulationError, simulate
from streams.flows.timeline import since_words, timeline
from streams.flows.trial import Trial
from streams.flows.words import span_words

__all__ = [
    "Attempt",
    "Difference",
    "Verdict",
    "attempt",
    "junit",
    "moment_of",
    "read_scenario",
    "run_scenario",
    "try_scenario",
]

_AROUND = 5
"""Lines of the timeline that are shown with a difference."""


class Difference(msgspec.Struct, frozen=True):
    """Where what came differs from what was expected."""

    line: int
    """In the scenario's file."""
    expected: str
    came: str
    """What is nearest to it, or that there is nothing."""
    around: tuple[str, ...] = ()
    """The timeline around then."""

    def __str__(self) -> str:
        """Several lines, for people."""
        around = "".join(f"\n      {line}" for line in self.around)
        return f"  line {self.line}: expected {self.expected}\n    came: {self.came}" + (
            f"\n    around then:{around}" if around else ""
        )


class Verdict(msgspec.Struct, frozen=True):
    """A scenario, lived through and compared."""

    file: str
    title: str
    flow: str
    differences: tuple[Difference, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What is wrong with the scenario's file or the flow's; nothing was tried then."""
    expected: int = 0
    """How many things were expected."""

    @property
    def good(self) -> bool:
        """True if it went as expected."""
        return not self.differences and not self.findings

    def __str__(self) -> str:
        """What differs, for people; one line if nothing does."""
        if self.good:
            return f"ok      {self.file}: {self.title}"
        wrong = [*(f"  {finding}" for finding in self.findings), *map(str, self.differences)]
        return "\n".join([f"FAILED  {self.file}: {self.title}", *wrong])


class Attempt(msgspec.Struct, frozen=True):
    """A flow that can be tried: what a scenario or a simulation stands on."""

    definition: str
    workspace: Workspace
    stand_in: bool
    """True if no workspace was named or near."""


def attempt(flow: Path, workspace: Workspace | None = None) -> Attempt:
    """A flow's file made ready to be tried, on that workspace, the one near it, or a stand-in.

    Raises `UsageError`, and `FindingsError` if lint finds an error in it.
    """
    known = workspace or workspace_near(flow)
    linted = lint(flow, known)
    _, text, _ = linted.publishable({})
    return Attempt(text, known or stand_in(linted), known is None)


def read_scenario(path: Path) -> Scenario:
    """A scenario file; raises `UsageError`, and `FindingsError` if it is none."""
    scenario = parse_scenario(read_text(path), str(path))
    if isinstance(scenario, list):
        raise FindingsError(f"{path} is no scenario", scenario)
    return scenario


def moment_of(start: str, zone: str) -> int:
    """An ISO 8601 moment, ms UTC; without an offset by that zone's clock."""
    parsed = datetime.fromisoformat(start)
    if parsed.tzinfo is not None:
        return round(parsed.timestamp() * 1000)
    return moment(zone, round(parsed.replace(tzinfo=UTC).timestamp() * 1000))


def run_scenario(scenario: Scenario, ready: Attempt) -> Run:
    """Lives a scenario through. Raises `SimulationError`."""
    start = moment_of(scenario.start, scenario.contact.zone or ready.workspace.zone)
    return simulate(ready.definition, ready.workspace, Trial(start, scenario.contact, scenario.acts))


def try_scenario(path: Path, workspace: Workspace | None = None) -> Verdict:
    """Lives a scenario through and compares it with what it expects. Raises `UsageError` alone."""
    title = path.stem
    try:
        scenario = read_scenario(path)
        title = scenario.title
        run = run_scenario(scenario, attempt(scenario.flow, workspace))
    except FindingsError as error:
        return Verdict(str(path), title, "", findings=tuple(error.findings))
    except SimulationError as error:
        wrong = Difference(1, "a trial that can be made", str(error))
        return Verdict(str(path), title, "", (wrong,))
    differences = tuple(_compared(scenario, run))
    return Verdict(str(path), title, str(scenario.flow), differences, expected=len(scenario.expect))


class _Seen(msgspec.Struct, frozen=True):
    """A fact that could have been expected."""

    kind: str
    fact: Fact
    since: int
    grace: int
    """How much of `since` is the grace of waits that had no answer."""


def _seen(run: Run) -> list[_Seen]:
    kinds = {fact: kind for kind, fact in EXPECTED.items()}
    grace, found = 0, []
    for fact in run.facts:
        grace += run.grace if isinstance(fact, facts.ResponseTimedOut) else 0
        nothing_closed = isinstance(fact, facts.ConversationCloseCommanded) and fact.conversation is None
        if type(fact) in kinds and not nothing_closed:
            found.append(_Seen(kinds[type(fact)], fact, fact.at - run.start, grace))
    return found


def _meets(seen: _Seen, wanted: Expectation) -> bool:
    return _is_about(seen, wanted) and _in_time(seen, wanted)


def _is_about(seen: _Seen, wanted: Expectation) -> bool:
    return seen.kind == wanted.kind and all(
        getattr(seen.fact, name) == value for name, value in wanted.about.items()
    )


def _in_time(seen: _Seen, wanted: Expectation) -> bool:
    if wanted.at is None:
        return True
    return wanted.at - wanted.within <= seen.since <= wanted.at + wanted.within + seen.grace


def _compared(scenario: Scenario, run: Run) -> Iterator[Difference]:
    """Each expectation takes the first that meets it after the one that the last took."""
    for happened in run.happened:
        if happened.problem is not None:
            around = _around(run, happened.at - run.start)
            yield Difference(1, "that everything can be done and said", happened.problem, around)
    seen, at, passed = _seen(run), 0, list[_Seen]()
    for wanted in scenario.expect:
        met = next((n for n in range(at, len(seen)) if _meets(seen[n], wanted)), None)
        if met is None:
            yield _missing(wanted, seen[at:], run)
            continue
        passed += seen[at:met]
        at = met + 1
    if scenario.exactly:
        for extra in [*passed, *seen[at:]]:
            line = scenario.expect[-1].place.line if scenario.expect else 1
            yield Difference(line, "nothing else (exactly: true)", _came(extra), _around(run, extra.since))


def _missing(wanted: Expectation, rest: list[_Seen], run: Run) -> Difference:
    """What came nearest: the same thing at another time, else another of its kind, else nothing."""
    alike = [each for each in rest if _is_about(each, wanted)] or [
        each for each in rest if each.kind == wanted.kind
    ]
    moment_wanted = wanted.at if wanted.at is not None else (rest[0].since if rest else 0)
    nearest = min(alike, key=lambda each: abs(each.since - moment_wanted), default=None)
    came = "nothing of the kind" if nearest is None else _came(nearest)
    return Difference(wanted.place.line, _wanted(wanted), came, _around(run, moment_wanted))


def _wanted(wanted: Expectation) -> str:
    when = "" if wanted.at is None else f", {since_words(wanted.at)} within {span_words(wanted.within)}"
    return f"{wanted.kind} {_about(wanted.about)}{when}".replace("  ", " ").replace(" ,", ",").strip()


def _came(seen: _Seen) -> str:
    names = [name for name in ABOUT if getattr(seen.fact, name, None) is not None]
    about = {name: str(getattr(seen.fact, name)) for name in names}
    return f"{seen.kind} {_about(about)}, {since_words(seen.since)}"


def _about(about: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in about.items()) + "}" if about else ""


def _around(run: Run, since: int) -> tuple[str, ...]:
    """The lines of the timeline nearest to a moment, in order."""
    lines = timeline(run)
    nearest = sorted(sorted(lines, key=lambda line: abs(line.since - since))[:_AROUND], key=lines.index)
    return tuple(f"{since_words(line.since):>12}  {line.what}" for line in nearest)


def junit(verdicts: list[Verdict]) -> str:
    """The verdicts as JUnit's XML, a test case a scenario."""
    suite = ET.Element(
        "testsuite",
        name="attesa flow test",
        tests=str(len(verdicts)),
        failures=str(sum(bool(each.differences) for each in verdicts)),
        errors=str(sum(bool(each.findings) for each in verdicts)),
        skipped="0",
    )
    for each in verdicts:
        case = ET.SubElement(
            suite, "testcase", classname=each.flow or each.file, name=each.title, file=each.file
        )
        for kind, wrong in (("failure", each.differences), ("error", each.findings)):
            if wrong:
                element = ET.SubElement(case, kind, message=_printable(str(wrong[0]).strip().splitlines()[0]))
                element.text = _printable("\n".join(map(str, wrong)))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(each for each in text if each.isprintable() or each in "\n\t")
