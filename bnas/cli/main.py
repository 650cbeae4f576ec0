"""The `bnas` command: finds the verb and turns errors into messages."""

import errno
import os
import sys
from importlib import import_module

import click

from bnas import __version__
from bnas.errors import BnasError

# Verb and the line that `bnas --help` shows; the module of a verb is imported when it is used.
_VERBS = {
    "search": "Search a space for the front of accuracy against operations.",
    "resume": "Go on with a search or a retraining where it stopped.",
    "repeat": "Evaluate the front again with new seeds, to tell quality from luck.",
    "fidelity": "Measure what short trainings and other proxies are worth.",
    "retrain": "Train designs to the end, test them once, and keep their networks.",
    "evaluate": "Score a trained network on a data set.",
    "status": "Show how far a run is: counts, best values, hypervolume.",
    "front": "Print the front of a run.",
    "plot": "Draw the front of a run again.",
    "cost": "Price a design layer by layer.",
    "explain": "Show what each choice of a design costs.",
    "check": "Say whether a design runs fast on a deployed engine.",
    "show": "Describe a design.",
    "spaces": "List the search spaces.",
    "evaluators": "List the evaluators.",
    "designs": "List the published designs.",
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _VERBS:
            return None
        command: click.Command = import_module(f"bnas.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS and not args[0].startswith("-"):
            raise click.UsageError(
                f"unknown command {args[0]!r}; commands: {', '.join(_VERBS)}", ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bnas", message="%(prog)s %(version)s")
def command() -> None:
    """Search binary neural network designs.

    RUN is a name under the results folder or a path. DESIGN is the name of a published design, a
    JSON or YAML file, or RUN/DIGEST.
    """


def main() -> None:
    """Runs the command line; exit status 2 for whatever the user can mend."""
    try:
        command.main(prog_name="bnas", standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BnasError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has left, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        click.echo(f"error: {error}; free space or correct the permissions", err=True)
        sys.exit(2)
