"""Links lead somewhere, examples are right, commands exist."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from streams.cli.main import COMMANDS, GROUPS
from streams.flows.files import lint
from tests.docs.pages import PAGES, README, ROOT, blocks, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_to_them(page: Path) -> None:
    """Every link and picture that is not on the web is a file or folder of the project."""
    for link in links(page):
        target = urlsplit(link)
        if target.scheme or not target.path:
            continue
        assert (page.parent / target.path).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_named_exist(page: Path) -> None:
    """What stands in code as `attesa NOUN` is a noun of the command line."""
    named = re.findall(r"(?:^|`)attesa ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= {*COMMANDS, *GROUPS}


def test_flows_in_the_readme_have_no_errors(tmp_path: Path) -> None:
    """Each YAML block is a flow as it may be published."""
    flows = [block.text for block in blocks(README) if block.language == "yaml"]
    assert flows
    for text in flows:
        path = tmp_path / "flow.yaml"
        path.write_text(text, encoding="utf-8")
        assert not lint(path, None).standing({})


def test_what_the_readme_makes_is_in_the_makefile() -> None:
    """`make X` of the README is a target, with its line of help."""
    targets = [
        line.split()[1]
        for block in blocks(README)
        for line in block.text.splitlines()
        if block.language == "sh" and line.startswith("make ")
    ]
    assert {"demo", "test"} <= set(targets)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE), target
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)
