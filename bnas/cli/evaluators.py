"""`bnas evaluators`."""

import json

import click

from bnas.cli.options import as_json


@click.command("evaluators")
@as_json()
def command(*, as_json: bool) -> None:
    """List the evaluators."""
    from bnas.evaluation import evaluator_descriptions

    descriptions = evaluator_descriptions()
    if as_json:
        entries = [{"evaluator": k, "description": v} for k, v in descriptions.items()]
        click.echo(json.dumps(entries, indent=2))
        return
    from bnas.report.tables import evaluators_table, show

    show(evaluators_table(descriptions))
