"""The ``offramp`` console script."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from domain.refusals import Refusal
from runtime.process import leave
from starter.cli.lazy_group import Lazily, lazily_loaded
from starter.cli.login_in_use import api_in_use, use_login
from starter.cli.output import REFUSED, WRONG_CALL, print_refusal, print_wrong_call
from starter.local.environment import load_local_environment

COMMANDS = {
    "up": Lazily("starter.cli.up:up", "Run the whole service on this machine; Ctrl-C stops it."),
    "setup": Lazily("starter.cli.setup:setup", "Bring the database and Temporal to what this version needs."),
    "import": Lazily("starter.cli.imports:import_", "Import organizations, subscriptions, contracts and lines."),
    "quote": Lazily(
        "starter.cli.quote:quote_command", "Show what cancelling a subscription would mean; nothing is started."
    ),
    "cancellations": Lazily(
        "starter.cli.cancellations:cancellations_app", "Start, answer, watch and end cancellations."
    ),
    "bulk": Lazily("starter.cli.bulk:bulk_app", "Look at bulk cancellations, confirm, stop, resume and kill them."),
    "report": Lazily(
        "starter.cli.report:report", "Count cancellations by month and reason, with their days at each stage."
    ),
    "migrations": Lazily(
        "starter.cli.migrations:migrations_app", "Accept, watch, correct and finish on-premises migrations."
    ),
    "credit-memos": Lazily(
        "starter.cli.credit_memos:credit_memos_app", "Post credit memos that cancellations wait for."
    ),
    "billing": Lazily("starter.cli.billing:billing_app", "Report what invoice runs posted, line by line."),
    "marketing": Lazily(
        "starter.cli.marketing:marketing_app",
        "Cancel a marketing service alone, pass on a consent, report a stopped campaign.",
    ),
    "export": Lazily(
        "starter.cli.export:export_app", "Show, fetch, check and acknowledge the export of an organization's data."
    ),
    "hold": Lazily("starter.cli.hold:hold_app", "Place, release and list legal holds, under which data is not erased."),
    "lines": Lazily("starter.cli.lines:lines_app", "List subscription lines, and bring their dates up to date."),
    "schedule": Lazily("starter.cli.schedule:schedule_app", "Show and steer the schedule of the nightly update."),
    "reconcile": Lazily(
        "starter.cli.reconcile:reconcile", "Mend or name what records, workflows and copies do not agree on."
    ),
    "audit": Lazily("starter.cli.audit:audit_app", "Verify the seals on the audit trail, and show their head."),
    "limits": Lazily(
        "starter.cli.limits:limits_app",
        "List and set the limits on starts, one-time codes, tries and links, and release what was counted.",
    ),
    "webhooks": Lazily(
        "starter.cli.webhooks:webhooks_app", "Add, watch, try out and resume the systems that are notified by webhooks."
    ),
    "privacy": Lazily("starter.cli.privacy:privacy_app", "Show what is kept about a person, and until when."),
    "login": Lazily("starter.cli.login:login", "Log in at an HTTP API, which all commands then ask."),
    "logout": Lazily("starter.cli.login:logout", "Forget the login."),
    "token": Lazily("starter.cli.token:token", "Print a token for the HTTP API of the local stack."),
    "tenants": Lazily("starter.cli.tenants:tenants_app", "List the organizations' data, and make samples of it."),
    "mails": Lazily("starter.cli.mails:mails_app", "Read the mails that the local mail catcher caught."),
    "dates": Lazily(
        "starter.cli.dates:dates_app",
        "Calculate, update or decide the dates of lines from any source; needs no service.",
    ),
}
"""Every command and group; a module is imported when one of its commands is called."""

LOCAL = frozenset({"mails", "token", "login", "setup"})
"""The commands that have to do with a stack on this machine, whatever API the others ask."""

app = typer.Typer(
    name="offramp",
    help="Durable subscription cancellations: from the request to the end of the reversal window.",
    epilog="Exit status: 0 done, 1 refused with a reason, 2 a wrong call. --json everywhere, for programs.",
    cls=lazily_loaded(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def offramp(context: typer.Context) -> None:
    """Use the API that somebody has logged in at, or the local stack, unless the environment names an installation."""
    if context.invoked_subcommand != "up":
        use_login()
        if api_in_use() is None or context.invoked_subcommand in LOCAL:
            load_local_environment()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; a refusal becomes a sentence and exit status 1, never a stack trace."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        raise SystemExit(app(given, prog_name="offramp", standalone_mode=not as_json))
    except Refusal as refusal:
        print_refusal(refusal, as_json=as_json)
        raise SystemExit(REFUSED) from None
    except typer.TyperException as wrong:  # with --json only: otherwise Typer has printed it and exited
        print_wrong_call(wrong.format_message())
        raise SystemExit(WRONG_CALL) from None


def console_script() -> NoReturn:
    """Run the command line as a process of its own, and end it with the command's status."""
    try:
        main()
    except SystemExit as ended:
        leave(ended.code if isinstance(ended.code, int) else 0)
    leave(0)
