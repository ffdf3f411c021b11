"""Messages: language, values, what is missing, and the bounds of what a template may do."""

import time

import pytest

from streams.flows.definition import SendTexts, TemplateText
from streams.flows.locked_liquid import MAX_LOOPS, MAX_OUTPUT, ROOTS
from streams.flows.templates import TemplateError, render, variables_of, variables_of_send


def said(source: str, **values: object) -> str:
    """The text with these values; `a__b` is the path a.b."""
    variables = {name.replace("__", "."): value for name, value in values.items()}
    return render({"t": {"*": TemplateText(source)}}, "t", "it", variables).text


def refused(source: str, **values: object) -> str:
    """Why it is not rendered."""
    with pytest.raises(TemplateError) as caught:
        said(source, **values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("language", "fallback", "there", "chosen"),
    [
        ("it", "en", ("it", "en", "*"), "it"),
        ("pt-BR", "en", ("pt", "en"), "pt"),
        ("pt-BR", "en", ("pt", "pt-BR"), "pt-BR"),
        ("de", "en", ("it", "en"), "en"),
        ("de", "en-GB", ("it", "en"), "en"),
        ("de", "en", ("it", "*"), "*"),
        ("de", None, ("*",), "*"),
    ],
)
def test_the_language_is_the_contacts_then_the_workspaces_then_any(
    language: str, fallback: str | None, there: tuple[str, ...], chosen: str
) -> None:
    """A region falls back on its language before anything else does."""
    templates = {"t": {each: TemplateText(f"in {each}") for each in there}}
    rendered = render(templates, "t", language, {}, fallback_language=fallback)
    assert (rendered.text, rendered.language) == (f"in {chosen}", chosen)


def test_no_language_that_will_do_is_an_error() -> None:
    """Nobody gets a text in a language that was chosen by chance."""
    with pytest.raises(TemplateError, match="no text in de, en"):
        render({"t": {"it": TemplateText("Ciao")}}, "t", "de", {}, fallback_language="en")
    with pytest.raises(TemplateError, match="no text in de or"):
        render({"t": {"it": TemplateText("Ciao")}}, "t", "de", {})


def test_a_template_that_is_not_there_is_an_error() -> None:
    """The definition bundles all; what is not in it cannot be said."""
    with pytest.raises(TemplateError, match="not in the flow"):
        render({}, "t", "it", {})


def test_dotted_names_are_paths() -> None:
    """Flat keys as they come in commands are seen as values within values; lists as lists."""
    assert (
        said(
            "{{ contact.name }} {{ event.order.total }} {{ event.tags | join: '+' }} {{ event.tags.size }}",
            contact__name="Ugo",
            event__order__total=12.5,
            event__tags=["a", "b"],
        )
        == "Ugo 12.5 a+b 2"
    )


def test_of_a_value_and_what_lies_below_it_the_latter_is_seen() -> None:
    """`order` and `order.id` cannot both be: the deeper one stands."""
    assert said("{{ event.order.id }}", event__order="x", event__order__id=7) == "7"


def test_text_is_not_escaped() -> None:
    """Messages are text: & stays &."""
    assert said("{{ contact.name }}", contact__name="<b>Rossi & Figli</b>") == "<b>Rossi & Figli</b>"


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.name }}",
        "{{ contact.name.first }}",
        "{{ contact.name | upcase }}",
        "{{ name }}",
        "{% for x in contact.list %}{{ x }}{% endfor %}",
        "{% capture a %}{{ contact.name }}{% endcapture %}",
    ],
)
def test_a_missing_value_is_an_error(source: str) -> None:
    """A message with a gap is not sent; the error names the variable."""
    assert "undefined" in refused(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{ contact.name | default: "cliente" }}', "cliente"),
        ("{% if contact.name %}a{% else %}b{% endif %}", "b"),
        ("{% unless contact.name %}b{% endunless %}", "b"),
        ('{% if contact.name == "x" %}a{% else %}b{% endif %}', "b"),
    ],
)
def test_a_missing_value_may_be_asked_for_and_have_its_stand_in_stated(source: str, text: str) -> None:
    """`default`, `if` and `unless` see nothing where nothing is."""
    assert said(source) == text


def test_errors_never_hold_a_value() -> None:
    """An error goes into facts and logs: it names variables and filters, never what they hold."""
    for source in (
        "{{ contact.name | slice: contact.name }}",
        "{{ contact.name | at_most: contact.name | date: event.x }}",
        "{{ contact.name | truncate: contact.name, contact.name, contact.name }}",
        "{% for x in contact.name limit: contact.name %}{{ contact.y }}{% endfor %}",
    ):
        assert "segreto" not in refused(source, contact__name="segreto")


@pytest.mark.parametrize(
    "source",
    [
        "{% include 'other' %}",
        "{% render 'other' %}",
        "{% extends 'other' %}",
        "{% tablerow x in y %}{% endtablerow %}",
        "{% import 'os' %}",
        "{{ 'x' | safe }}",
        "{{ 'x' | base64_encode }}",
        "{{ contact.name | money }}",
        "{{ 'x'",
        "{% if %}",
    ],
)
def test_no_other_template_no_file_no_unknown_filter(source: str) -> None:
    """What could reach outside, and what does not exist, is not read at all."""
    with pytest.raises(TemplateError):
        variables_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in (1..1000000000) %}a{% endfor %}",
        "{% for x in (1..100) %}{% for y in (1..100) %}a{% endfor %}{% endfor %}",
        "{{ (1..1000000000) | join: 'x' }}",
        "{{ 'aaaaaaaaaa' " + "| replace: 'a', 'aaaaaaaaaa' " * 12 + "}}",
        "{{ 'a' " + "| replace: '', 'aaaaaaaaaaaaaaaaaa' " * 12 + "}}",
        "{% assign s = 'aaaaaaaaaa' %}" + "{% assign s = s | append: s %}" * 40 + "{{ s }}",
        "{% assign s = 99999999 %}" + "{% assign s = s | times: s %}" * 40 + "{{ s }}",
        "{{ 'now' | date: '%999999999d' }}",
        "{% for x in (1..200) %}" + "{{ 'aaa' | split: '' | join: 'b' }}" * 1_000 + "{% endfor %}",
        "{% for x in (1..200) %}" + "x" * 1_000 + "{% endfor %}",
        "x" * 64_001,
        "{% if true %}" * 2_000 + "{% endif %}" * 2_000,
    ],
    ids=range(12),
)
def test_work_and_output_are_bounded(source: str) -> None:
    """Huge loops, ranges, texts, numbers, date widths, nests and sheer work end in an error, soon."""
    started = time.monotonic()
    refused(source)
    assert time.monotonic() - started < 30  # not a measure: without the bounds some of these never end


def test_what_is_reasonable_is_within_the_bounds() -> None:
    """A list of a hundred products with prices is an ordinary message."""
    source = "{% for p in event.products %}- {{ p | upcase }}: {{ 10 | times: 3 }}\n{% endfor %}"
    text = said(source, event__products=[f"prodotto {n}" for n in range(100)])
    assert text.count("\n") == 100
    assert len(text) < MAX_OUTPUT
    assert MAX_LOOPS >= 100


def test_rendering_leaves_nothing_behind() -> None:
    """What one rendering assigns, counts or spends the next does not see."""
    assert said("{% assign a = 'x' %}{{ a }}{% increment n %}") == "x0"
    assert said("{% increment n %}") == "0"
    assert "undefined" in refused("{{ a }}")


def test_a_send_lays_its_own_over_the_template() -> None:
    """Its `vars` are rendered first and seen as vars.<name>; its subject goes before the template's."""
    templates = {"t": {"it": TemplateText("Mancano {{ vars.giorni }} giorni", "Scade")}}
    send = SendTexts({"*": "{{ contact.name }}, scade\n presto"}, {"giorni": "{{ event.days | plus: 1 }}"})
    rendered = render(templates, "t", "it", {"event.days": 6, "contact.name": "Ugo"}, send=send)
    assert (rendered.text, rendered.subject) == ("Mancano 7 giorni", "Ugo, scade presto")
    assert render(templates, "t", "it", {"vars.giorni": 1}).subject == "Scade"


def test_a_subject_is_one_line() -> None:
    """A value with a line break cannot add headers to an e-mail."""
    templates = {"t": {"*": TemplateText("x", "Ciao {{ contact.name }}")}}
    rendered = render(templates, "t", "it", {"contact.name": "Ugo\r\nBcc: all@example.com"})
    assert rendered.subject == "Ciao Ugo Bcc: all@example.com"


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("Ciao", ()),
        (
            "{{ contact.name }}{% if event.order.total > 3 %}{% endif %}",
            ("contact.name", "event.order.total"),
        ),
        ("{% for t in event.tags %}{{ t }}{% endfor %}", ("event.tags",)),
        ("{% assign x = vars.a %}{{ x }}", ("vars.a",)),
        ("{{ event.tags[0] }}{{ event.tags.size }}", ("event.tags", "event.tags.size")),
        ("{{ event['a b'] }}", ("event.a b",)),
        ("{{ 'a' | append: contact.name }}", ("contact.name",)),
        ("{{ other.x }}", ()),
        ("{{ event[vars.x] }}", None),
        ("{{ event }}", None),
        ("{% for p in event %}{% endfor %}", None),
    ],
)
def test_the_paths_that_a_template_needs(source: str, paths: tuple[str, ...] | None) -> None:
    """By liquid's own analysis; None where it cannot be told before it runs."""
    assert variables_of(source) == paths


def test_the_paths_of_a_send_are_those_of_all_its_languages() -> None:
    """Which language goes out is not known when the command is made."""
    languages = {
        "it": TemplateText("{{ contact.a }}", "{{ contact.s }}"),
        "en": TemplateText("{{ vars.b }}{{ vars.c }}"),
    }
    assert variables_of_send(languages, SendTexts(None, {"b": "{{ event.d }}"})) == (
        "contact.a", "contact.s", "event.d", "vars.c",
    )  # fmt: skip
    assert variables_of_send(languages, None) == ("contact.a", "contact.s", "vars.b", "vars.c")
    assert variables_of_send(languages, SendTexts(None, {"b": "{{ event }}"})) is None
    assert set(ROOTS) >= {"contact", "event", "vars", "conversation", "business"}
