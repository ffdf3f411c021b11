"""Workspace files: what they say, as settings, and what is wrong with them."""

import pytest

from streams.core import program as core
from streams.flows import Finding, compile_workspace, parse_workspace, workspace_definition
from streams.flows.files import LIBRARY
from streams.flows.model import Workspace

LEAST = "workspace: acme\nzone: Europe/Rome\nlanguage: it\nchannels: {sms: {via: console}}"


def settings(text: str) -> core.WorkspaceSettings:
    """The settings of a workspace file."""
    workspace = parse_workspace(text, "workspace.yaml")
    assert isinstance(workspace, Workspace), workspace
    return compile_workspace(workspace_definition(workspace))


def findings(text: str) -> list[Finding]:
    """What is wrong with it."""
    found = parse_workspace(text, "workspace.yaml")
    assert isinstance(found, list)
    return found


def test_the_least_workspace() -> None:
    """What is not said has the grammar's defaults."""
    made = settings(LEAST)
    assert made == core.WorkspaceSettings(
        id="acme",
        zone="Europe/Rome",
        language="it",
        content=made.content,
        channels=(core.ChannelSettings("sms", "console"),),
    )
    assert made.consent == (("marketing", "opt_in"),)
    assert (made.grace_ms, made.attribution_window_ms, made.delivery) == (10_000, 86_400_000, "real")


def test_the_whole_workspace() -> None:
    """Each key, as the core reads it; stop words folded and of all languages; holidays sorted."""
    made = settings(
        """
workspace: acme
zone: America/New_York
language: en
channels:
  whatsapp: {via: webhook, url: "https://g.example.com/x", sender: "+39 02 1", rate: 50, timeout: 5s,
             idempotent: true}
  twitter: {via: file, path: sent.jsonl, threaded: true}
hours: {sat: [22:00-02:00], mon: [09:00-13:00, 14:00-18:00]}
holidays: {dates: [2026-12-26, 2026-12-25, 2026-12-25]}
policies: {quiet_hours: 21:00-08:00, cap: {messages: 4, per: 7d, purpose: marketing}, priority: 60}
stop_words: {it: [STOP, " basta  così ".], en: stop}
consent: {marketing: opt_out}
attribution_window: 2d
delivery: assumed
grace: 0s
""".replace('" basta  così ".', '"basta  così"')
    )
    assert made.channels == (
        core.ChannelSettings("twitter", "file", threaded=True, options=(("path", "sent.jsonl"),)),
        core.ChannelSettings(
            "whatsapp",
            "webhook",
            sender="+39 02 1",
            options=(
                ("idempotent", True),
                ("rate", 50),
                ("timeout_ms", 5_000),
                ("url", "https://g.example.com/x"),
            ),
        ),
    )
    assert made.hours == ((1, 540, 780), (1, 840, 1080), (6, 1320, 120))
    assert made.holidays == ("2026-12-25", "2026-12-26")
    assert made.policies == core.Policies(
        quiet_hours=core.QuietHours(1260, 480),
        caps=(core.Cap(4, 604_800_000, None, "marketing"),),
        priority=60,
        given=("priority", "quiet_hours"),
    )
    assert made.stop_words == ("basta cosi", "stop")
    assert made.consent == (("marketing", "opt_out"),)
    assert (made.grace_ms, made.attribution_window_ms, made.delivery) == (0, 172_800_000, "assumed")


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (("zone: Europe/Rome", "zone: contact"), "ATT009", 2),
        (("zone: Europe/Rome\n", ""), "ATT007", 1),
        (("language: it", "language: italiano"), "ATT009", 3),
        (("language: it", "langage: it"), "ATT005", 3),
        (("{sms: {via: console}}", "{}"), "ATT008", 4),
        (("{via: console}", "{via: pigeon}"), "ATT009", 4),
        (("{via: console}", "{via: webhook}"), "ATT007", 4),
        (("{via: console}", "{via: webhook, url: ftp://x}"), "ATT009", 4),
        (("{via: console}", "{via: file}"), "ATT007", 4),
        (("{via: console}", "{via: console, url: 'https://a.it'}"), "ATT011", 4),
        (("{via: console}", "{via: console, path: x}"), "ATT011", 4),
        (("{via: console}", "{via: console, rate: 0}"), "ATT009", 4),
        (("{sms:", "{SMS:"), "ATT009", 4),
        (("workspace: acme", "workspace: Acme"), "ATT009", 1),
        (("workspace: acme", "workspace: acme\nremember: []"), "ATT006", 2),
        (("workspace: acme", "workspace: acme\nholidays: {country: IT}"), "ATT006", 2),
        (("workspace: acme", "workspace: acme\nholidays: {dates: 25/12}"), "ATT009", 2),
        (("workspace: acme", "workspace: acme\nhours: {lun: 09:00-18:00}"), "ATT005", 2),
        (("workspace: acme", "workspace: acme\nhours: 09:00-18:00"), "ATT008", 2),
        (("workspace: acme", "workspace: acme\nstop_words: [stop]"), "ATT008", 2),
        (("workspace: acme", "workspace: acme\nconsent: {marketing: perhaps}"), "ATT009", 2),
        (("workspace: acme", "workspace: acme\ndelivery: never"), "ATT009", 2),
        (("workspace: acme", "workspace: acme\ngrace: 10"), "ATT009", 2),
        (("workspace: acme", "workspace: acme\npolicies: {send_window: 09:00-18:00}"), "ATT006", 2),
        (("workspace: acme", "workspace: acme\npolicies: {priority: 101}"), "ATT009", 2),
        (("workspace: acme", "workspace: acme\npolicies: {cap: {messages: 3}}"), "ATT007", 2),
        (
            ("workspace: acme", "workspace: acme\npolicies: {cap: {messages: 3, per: 1d, channel: x}}"),
            "ATT009",
            2,
        ),
        (
            ("workspace: acme", "workspace: acme\npolicies: {quiet_hours: {hours: 21:00-08:00, days: []}}"),
            "ATT008",
            2,
        ),
        (("workspace: acme", "workspace: acme\npolicies: {quiet_hours: {then: skip}}"), "ATT007", 2),
    ],
)
def test_what_is_wrong_is_located(change: tuple[str, str], code: str, line: int) -> None:
    """Each wrong value or key has its code and its line; nothing else is found."""
    found = findings(LEAST.replace(*change))
    assert {(finding.code, finding.line) for finding in found} == {(code, line)}


def test_a_broken_file_is_one_finding() -> None:
    """Text that is no YAML is found by the first thing that is wrong with it."""
    (finding,) = findings("workspace: [")
    assert finding.code == "ATT001"
    (finding,) = findings("- a")
    assert finding.code == "ATT008"


def test_the_example_workspace_is_right() -> None:
    """The workspace that comes along compiles."""
    assert settings((LIBRARY / "workspace.yaml").read_text("utf-8")).id == "acme"
