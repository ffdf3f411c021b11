"""From a definition to what the core runs."""

from typing import Any, assert_never

import re2

from streams.core import program as core
from streams.core.folding import bare, fold, words
from streams.flows.definition import Definition, content_of, read_definition, read_workspace, sends_of
from streams.flows.model import (
    AgainRule,
    AllOf,
    AnyOf,
    Asked,
    Assign,
    Assignment,
    Branching,
    CapRule,
    Channel,
    Close,
    Cond,
    Consent,
    EndHere,
    EnterRule,
    Happening,
    Jump,
    NoneOf,
    PolicyRules,
    QuietRule,
    Respond,
    Sending,
    Setting,
    Splitting,
    Step,
    Tagging,
    Untagging,
    Until,
    Waiting,
    WaitingFor,
    Workspace,
)
from streams.flows.parsing.scalars import offset
from streams.flows.templates import variables_of_send
from streams.flows.walk import steps_of

__all__ = ["RULES", "compile_definition", "compile_workspace"]

RULES = 1
"""The version of the decision rules that flows are published under now."""


def compile_definition(workspace: str, text: str, *, rules: int = RULES) -> core.Program:
    """A flow's definition as the program that the core runs.

    Raises `msgspec.ValidationError` or `msgspec.DecodeError` if the text is no definition, `TemplateError` if
    a template is not liquid, and `ValueError` if it contradicts itself: a send without its template in it,
    two steps of one id, a wait on a step that is not there.
    """
    definition = read_definition(text)
    flow = definition.flow
    compiler = _Compiler(definition)
    return core.Program(
        workspace=workspace,
        flow=flow.flow,
        content=content_of(text),
        rules=rules,
        steps=compiler.program(),
        triggers=tuple(_match(each) for each in flow.trigger),
        exits=tuple(_match(each) for each in flow.exit_on),
        enter=_enter(flow.enter),
        vars=tuple(sorted(flow.vars.items())),
    )


class _Compiler:
    """Lays the steps of a flow out in one row, each knowing the index of the next."""

    def __init__(self, definition: Definition) -> None:
        self.flow = definition.flow
        self.templates = definition.templates
        self.sends = sends_of(definition.flow)
        self.order = list(steps_of(definition.flow.steps))
        self.index = {step.id: at for at, step in enumerate(self.order)}
        if len(self.index) != len(self.order):
            raise ValueError("two steps have the same id")
        self.row: list[core.Step | None] = [None] * len(self.order)

    def program(self) -> tuple[core.Step, ...]:
        """All steps; the first is where journeys start."""
        self.block(self.flow.steps, core.END)
        return tuple(step for step in self.row if step is not None)

    def block(self, steps: tuple[Step, ...], after: int) -> int:
        """Lays out steps that go on at `after`; gives the index at which they start."""
        for at, step in enumerate(steps):
            follows = self.index[steps[at + 1].id] if at + 1 < len(steps) else after
            self.row[self.index[step.id]] = self.step(step, follows)
        return self.index[steps[0].id] if steps else after

    def step(self, step: Step, follows: int) -> core.Step:  # noqa: C901, PLR0911, PLR0912 - one a kind
        match step:
            case Sending():
                return self.send(step, follows)
            case Waiting():
                return core.Wait(step.id, step.span, follows, _until(step.until))
            case Respond():
                return core.CustomerResponse(
                    id=step.id,
                    within_ms=step.within,
                    any_channel=step.any_channel,
                    reactions=step.reactions,
                    prompt=self.prompt(step),
                    on_response=self.block(step.on_response or (), follows),
                    no_response=self.block(step.no_response or (), follows),
                )
            case WaitingFor():
                return core.WaitFor(
                    step.id,
                    _match(step.match),
                    step.within,
                    self.block(step.on_event or (), follows),
                    self.block(step.no_event or (), follows),
                )
            case Branching():
                names = ("then", *(f"else_if-{n}" for n in range(1, len(step.ways))))
                return core.If(
                    step.id,
                    tuple(
                        core.Branch(name, _condition(way.when), self.block(way.then, follows))
                        for name, way in zip(names, step.ways, strict=True)
                    ),
                    self.block(step.otherwise, follows),
                )
            case Tagging():
                return core.Tag(step.id, add=step.tags, next=follows)
            case Untagging():
                return core.Tag(step.id, remove=step.tags, next=follows)
            case Setting():
                return core.SetValues(step.id, tuple(_assignment(each) for each in step.values), follows)
            case Splitting():
                return core.Split(
                    step.id,
                    tuple(
                        core.Arm(arm.name, arm.weight, self.block(arm.steps, follows)) for arm in step.arms
                    ),
                    step.hold_out,
                    follows,
                )
            case Jump():
                if step.to not in self.index:
                    raise ValueError(f"{step.id} goes to {step.to}, which is no step of this flow")
                return core.GoTo(step.id, self.index[step.to], step.max, follows)
            case Assign():
                agents = step.round_robin or ((step.agent,) if step.agent is not None else ())
                return core.Assign(step.id, agents, step.team, step.priority, follows)
            case Close():
                return core.CloseConversation(step.id, step.conversation, follows)
            case EndHere():
                return core.End(step.id, step.reason)
            case _:
                assert_never(step)

    def prompt(self, step: Respond) -> str | None:
        """A step's id; None the last send; empty text none at all."""
        if step.prompt is None or step.prompt == "none":
            return None if step.prompt is None else ""
        at = self.index.get(step.prompt)
        if at is None or not isinstance(self.order[at], Sending):
            raise ValueError(f"the step {step.id} waits on {step.prompt}, which is no send of this flow")
        return step.prompt

    def send(self, step: Sending, follows: int) -> core.Send:
        name = step.template or step.id
        if name not in self.templates:
            raise ValueError(f"the send {step.id} needs the template {name}, which is not in the definition")
        channels = step.channel or ((self.flow.channel,) if self.flow.channel else ())
        return core.Send(
            id=step.id,
            channels=channels,
            template=name,
            policies=_policies(step.policies, self.flow.policies, step.purpose),
            variables=variables_of_send(self.templates[name], self.sends.get(step.id)),
            on_unknown=step.on_unknown,
            next=follows,
        )


def _match(match: Happening) -> core.Match:
    return core.Match(
        kind=match.kind,
        name=match.name,
        where=None if match.where is None else _condition(match.where),
        same=match.same,
        channels=match.channel,
        keywords=tuple(words(each) for each in match.keyword),
        pattern=None if match.pattern is None else pattern(match.pattern, fold=False),
    )


def _until(until: Until | None) -> core.Until | None:
    return None if until is None else core.Until(until.time, until.days, until.zone)


def _enter(enter: EnterRule | None) -> core.Enter:
    enter = enter or EnterRule()
    again = enter.again or AgainRule()
    return core.Enter(
        again=again.rule,
        after_ms=again.after or 0,
        key=enter.key,
        when=None if enter.when is None else _condition(enter.when),
    )


def _condition(condition: Cond) -> core.Condition:
    match condition:
        case AllOf():
            return core.All(tuple(_condition(each) for each in condition.of))
        case AnyOf():
            return core.Any_(tuple(_condition(each) for each in condition.of))
        case NoneOf():
            return core.Not(_condition(condition.of))
        case Asked():
            return core.Test(
                condition.subject, condition.name, condition.operator, _operand(condition), condition.fold
            )
        case _:
            assert_never(condition)


def _assignment(assignment: Assignment) -> core.Assignment:
    return core.Assignment(assignment.subject, assignment.name, _single(assignment.to, folded=False))


def _operand(asked: Asked) -> Any:
    """The operand as the core compares with it: patterns compiled, literals folded."""
    if asked.operator == "matches":
        return pattern(asked.operand, fold=asked.fold)
    if isinstance(asked.operand, list):
        return tuple(_single(each, folded=asked.fold) for each in asked.operand)
    return _single(asked.operand, folded=asked.fold)


def pattern(text: str, *, fold: bool) -> Any:
    """A compiled RE2 pattern: linear in what it reads, whatever an author writes.

    With `fold` it is asked of folded text: it has no accents itself and ignores case.
    """
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not fold
    return re2.compile(bare(text) if fold else text, options=options)


def _single(operand: Any, *, folded: bool) -> Any:
    match operand:
        case {"now": str(text)}:
            return core.FromNow(offset(text))
        case dict():
            (subject, name), *_ = operand.items()
            return core.Reference(subject, name)
        case str() if folded:
            return fold(operand)
        case _:
            return operand


def _policies(step: PolicyRules | None, flow: PolicyRules | None, purpose: Any) -> core.Policies:
    """Step over flow, key by key; `given` says which of them stand for themselves."""
    step, flow = step or PolicyRules(), flow or PolicyRules()
    stated = {
        "purpose": purpose or step.purpose or flow.purpose,
        "quiet_hours": step.quiet_hours or flow.quiet_hours,
        "late": step.late or flow.late,
        "priority": flow.priority if step.priority is None else step.priority,
    }
    return _settled(stated, step.cap if step.cap is not None else flow.cap)


def _settled(stated: dict[str, Any], caps: tuple[CapRule, ...] | None) -> core.Policies:
    values: dict[str, Any] = {}
    for name, value in stated.items():
        match value:
            case None:
                continue
            case QuietRule():
                values[name] = _quiet(value)
            case _ if name == "late":
                values["skip_after_ms"] = value.skip_after
            case _:
                values[name] = value
    return core.Policies(
        **values,
        caps=tuple(core.Cap(cap.messages, cap.per, cap.channel, cap.purpose) for cap in caps or ()),
        given=tuple(sorted(values)),
    )


def _quiet(rule: QuietRule) -> core.QuietHours | None:
    if rule.hours is None:
        return None
    start, end = rule.hours
    return core.QuietHours(
        start=start,
        end=end,
        days=rule.days,
        zone=rule.zone,
        then=rule.then,
        by_purpose=tuple(sorted(rule.by_purpose.items())),
        jitter_ms=rule.jitter,
    )


def compile_workspace(text: str) -> core.WorkspaceSettings:
    """A workspace's definition as settings; raises as `compile_definition` does."""
    workspace: Workspace = read_workspace(text)
    words = {fold(word) for several in workspace.stop_words.values() for word in several}
    return core.WorkspaceSettings(
        id=workspace.workspace,
        zone=workspace.zone,
        language=workspace.language,
        content=content_of(text),
        channels=tuple(_channel(name, channel) for name, channel in sorted(workspace.channels.items())),
        policies=_policies(workspace.policies, None, None),
        consent=(("marketing", (workspace.consent or Consent()).marketing),),
        stop_words=tuple(sorted(words)),
        attribution_window_ms=workspace.attribution_window,
        delivery=workspace.delivery,
        grace_ms=workspace.grace,
        hours=tuple((each.day, *pair) for each in workspace.hours for pair in each.hours),
        holidays=workspace.holidays,
    )


def _channel(name: str, channel: Channel) -> core.ChannelSettings:
    options = {
        "url": channel.url,
        "timeout_ms": channel.timeout,
        "idempotent": channel.idempotent or None,
        "path": channel.path,
        "rate": channel.rate,
    }
    return core.ChannelSettings(
        name=name,
        via=channel.via,
        threaded=channel.threaded,
        sender=channel.sender,
        options=tuple((key, value) for key, value in sorted(options.items()) if value is not None),
    )
