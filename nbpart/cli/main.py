"""The group of all commands."""

from __future__ import annotations

import click

import nbpart
from nbpart.cli.backfills import backfill, backfills, cancel, plan, resume, tick
from nbpart.cli.catalog import catalog
from nbpart.cli.checks import check, checks
from nbpart.cli.compare import compare
from nbpart.cli.completion import completion
from nbpart.cli.doctor import doctor
from nbpart.cli.edit import edit
from nbpart.cli.getting_started import demo, init, lab
from nbpart.cli.limits import limits
from nbpart.cli.maintenance import kernelspec, prune
from nbpart.cli.options import workspace_option
from nbpart.cli.output import Group, prepare_streams
from nbpart.cli.partitions import partitions
from nbpart.cli.runs import kernels, logs, runs, show
from nbpart.cli.sql import sql
from nbpart.cli.status import assets, refresh, status
from nbpart.cli.trust import trust
from nbpart.cli.verbs import accept, adopt, wipe
from nbpart.cli.watch import triggers, watch
from nbpart.cli.why import why


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(nbpart.__version__, prog_name="nbpart")
@workspace_option
@click.pass_context
def main(ctx: click.Context) -> None:
    """Partitioned data work: assets, dynamic partitions, backfills and a catalog, without a server.

    Exits with 0 if all is well, 1 if something failed, 2 if it was asked for something that is not there.
    """
    prepare_streams(ctx)


COMMANDS = (
    *(
        init,
        demo,
        status,
        refresh,
        assets,
        partitions,
        plan,
        why,
        backfill,
        resume,
        cancel,
        backfills,
        runs,
        show,
        logs,
        edit,
        check,
        checks,
        compare,
        sql,
        tick,
        watch,
        triggers,
        limits,
        accept,
        adopt,
        wipe,
    ),
    *(lab, kernels, kernelspec, prune, catalog, trust, doctor, completion),
)
for command in COMMANDS:
    main.add_command(command)
