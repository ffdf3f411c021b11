"""The review: what makes sense in a flow that parses. Each check is one small function in `checks`."""

from collections.abc import Callable, Iterator

import msgspec

from streams.flows.finding import Finding, Severity
from streams.flows.model import Flow, Workspace
from streams.flows.parsing.flow import FlowFile
from streams.flows.template_files import TemplateFiles

__all__ = ["Check", "Remark", "Reviewed", "check", "checks", "review"]


class Reviewed(msgspec.Struct, frozen=True):
    """What a check looks at."""

    file: FlowFile
    workspace: Workspace | None
    """None: it is not known, and what needs it is not asked."""
    templates: TemplateFiles

    @property
    def flow(self) -> Flow:
        """The flow."""
        return self.file.flow


class Remark(msgspec.Struct, frozen=True):
    """What a check found: the part of the flow and its field, or a place in a template file."""

    part: object
    field: str
    message: str
    advice: str
    elsewhere: tuple[str, int, int] | None = None
    """File, line, column, where it is not in the flow file."""


Ask = Callable[[Reviewed], Iterator[Remark]]


class Check(msgspec.Struct, frozen=True):
    """One thing that the review looks for, with an example of each kind."""

    code: str
    severity: Severity
    meaning: str
    ask: Ask
    bad: str
    """A flow file in which it finds something."""
    good: str
    """The same, mended."""
    allowable: bool = True
    """Whether an author may publish it all the same, with a reason: not what could never be run."""


_checks: dict[str, Check] = {}


def check(
    code: str, severity: Severity, *, bad: str, good: str, allowable: bool = True
) -> Callable[[Ask], Ask]:
    """Makes a function a check of the review; its docstring's first line is the code's meaning."""

    def register(ask: Ask) -> Ask:
        if code in _checks:
            raise ValueError(f"{code} is taken by {_checks[code].ask.__name__}")
        meaning = (ask.__doc__ or "").strip().splitlines()[0].rstrip(".")
        _checks[code] = Check(code, severity, meaning, ask, bad, good, allowable)
        return ask

    return register


def checks() -> dict[str, Check]:
    """All checks by code, in the codes' order."""
    from streams.flows.checks import load  # noqa: PLC0415 - the checks' modules import `check` from here

    load()
    return dict(sorted(_checks.items()))


def review(file: FlowFile, workspace: Workspace | None, templates: TemplateFiles) -> list[Finding]:
    """What does not make sense in a flow that parses, in the files' order. Without a workspace its channels,
    languages and policies are not asked.
    """
    reviewed = Reviewed(file, workspace, templates)
    found = [_finding(each, remark, file) for each in checks().values() for remark in each.ask(reviewed)]
    return sorted(set(found))


def _finding(each: Check, remark: Remark, file: FlowFile) -> Finding:
    where, line, column = remark.elsewhere or (file.file, *file.place(remark.part, remark.field))
    return Finding(where, line, column, each.code, each.severity, remark.message, remark.advice)
