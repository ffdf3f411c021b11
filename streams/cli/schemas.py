"""`attesa schemas`: the contract's own check, and its registration."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from schemas.catalog import FOLDER, Catalog
from schemas.compatibility import Finding, check_files, check_registered
from schemas.errors import UsageError
from streams.cli.output import show
from streams.log.settings import load

__all__ = ["app"]

app = typer.Typer(help="The records' schemas: check them, register them.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option(help="The folder with avsc/ and ids.json.")]
Url = Annotated[str | None, typer.Option(help="A schema registry's URL; else ATTESA_REGISTRY_URL.")]
Prefix = Annotated[str | None, typer.Option(help="The topics' prefix; else ATTESA_PREFIX.")]
Json = Annotated[bool, typer.Option("--json", help="One object for programs.")]


@app.command()
def check(
    *, folder: Folder = FOLDER, registry: Url = None, prefix: Prefix = None, json: Json = False
) -> None:
    """Every version reads what every other wrote; every field has a doc; ids stand. Exit code 1 if not so.

    With a registry, what is registered under the prefix's topics is read too.
    """
    settings = load()
    files = Catalog(folder)
    findings = check_files(files)
    url = registry or settings.registry_url or None
    unregistered: list[str] = []
    if url is not None and not findings:
        findings, unregistered = _against(files, url, prefix or settings.prefix)
    rows = [asdict(finding) for finding in findings]
    versions = len(list(files))
    if json:
        show(rows, json=True, versions=versions, registry=url, unregistered=unregistered)
    elif rows:
        for finding in findings:
            at = f"{finding.file}: {finding.field}: " if finding.field else f"{finding.file}: "
            typer.echo(f"{at}{finding.message} [{finding.rule}]")
    else:
        typer.echo(f"{versions} versions of {len(files.names())} records: all fit")
        if unregistered:
            typer.echo(f"not registered yet: {', '.join(unregistered)}; attesa schemas register")
    if findings:
        raise typer.Exit(1)


@app.command()
def register(
    *, folder: Folder = FOLDER, registry: Url = None, prefix: Prefix = None, json: Json = False
) -> None:
    """Registers every version, oldest first, and prints its id. Again: the same ids, nothing new."""
    # The client is slow to import, and no other command needs it.
    from schemas.confluent import ConfluentRegistry  # noqa: PLC0415

    settings = load()
    url = registry or settings.registry_url or None
    if url is None:
        raise UsageError("no schema registry: say --registry URL or set ATTESA_REGISTRY_URL")
    client = ConfluentRegistry(url, prefix=prefix or settings.prefix, files=Catalog(folder))
    rows = [
        {
            "record": schema.name,
            "version": schema.version,
            "subject": client.subject(schema),
            "id": client.register(schema),
        }
        for schema in client.files
    ]
    show(rows, json=json, title="registered", registry=url)


def _against(files: Catalog, url: str, prefix: str) -> tuple[list[Finding], list[str]]:
    """Findings about the registry, and the versions that it does not have."""
    from schemas.confluent import ConfluentRegistry  # noqa: PLC0415 - see register

    client = ConfluentRegistry(url, prefix=prefix, files=files)
    findings: list[Finding] = []
    missing: list[str] = []
    for name in files.names():
        newest = files.newest(name)
        registered = client.registered(newest)
        findings += check_registered(files, name, registered, f"{url} {client.subject(newest)}")
        there = {written.version for written in registered}
        missing += [f"{name}/{one.version}" for one in files.versions(name) if one.version not in there]
    return findings, missing
