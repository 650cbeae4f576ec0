"""`bnas spaces`."""

import json

import click

from bnas.cli.options import as_json
from bnas.definitions import available
from bnas.space import load_space


@click.command("spaces")
@as_json()
def command(*, as_json: bool) -> None:
    """List the search spaces with their size."""
    spaces = [load_space(name) for name in available("search_spaces")]
    if as_json:
        entries = [
            {"space": s.name, "description": s.definition.description, "size": s.size()}
            for s in spaces
        ]
        click.echo(json.dumps(entries, indent=2))
        return
    from bnas.report.tables import show, spaces_table

    show(spaces_table(spaces))
