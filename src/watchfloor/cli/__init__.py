"""The command line: one verb, one file. Every verb takes `--json`; nothing here decides anything.

Exit codes (also in docs/command-line.md, which a test compares with this table):

    0    the work was done, with or without findings
    1    watchfloor gave up for a reason it names
    2    the command line makes no sense
    3    the estate's own files are wrong: configuration, rules, integrations
    4    an input could not be read (the others were still processed)
    5    a mapping or a schema name is wrong
    6    the store: locked, full, damaged, or written by a newer version
    7    a hunt that cannot be run
    70   a bug of ours; WATCHFLOOR_DEBUG=1 shows where
    130  interrupted with Ctrl-C; nothing is left half-written
"""

from __future__ import annotations

import _thread
import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from watchfloor import __version__
from watchfloor.errors import UsageError, WatchfloorError

__all__ = ["EXIT_CODES", "application", "main"]

EXIT_CODES = {
    0: "the work was done, with or without findings",
    1: "watchfloor gave up for a reason it names",
    2: "the command line makes no sense",
    3: "the estate's own files are wrong: configuration, rules, integrations",
    4: "an input could not be read (the others were still processed)",
    5: "a mapping or a schema name is wrong",
    6: "the store: locked, full, damaged, or written by a newer version",
    7: "a hunt that cannot be run",
    70: "a bug of ours; WATCHFLOOR_DEBUG=1 shows where",
    130: "interrupted with Ctrl-C; nothing is left half-written",
}

INTERNAL, INTERRUPTED = 70, 130

HELP = "One watch floor: real logs in, proven findings out."

STARTING = 10_000
"""Objects made before Python looks for garbage among them, until all is ready (`run.memory.settled`). At its own 700 a
start spends a tenth of its time there."""


VERBS = {
    "detect": "Find attacks in log files: no estate, no set-up.",
    "profile": "What rules cost, which never fire and why, where the time goes.",
    "run": "Run an estate: collect, map, detect, store.",
    "hunt": "Ask the lake in SQL.",
    "check": "Check an estate: configuration, rules, integrations.",
    "where": "Where a person was, and how sure that is.",
    "who": "Who was in a place, surely and possibly.",
    "coverage": "Could what happened at a place have been seen, all the time.",
    "intel": "What is known of an address, domain, hash, plate, and where it was seen.",
    "pull": "Fetch the feeds of indicators that are kept elsewhere, now.",
    "explain": "Why is this a finding: rule, record, fields that decided.",
    "replay": "What would changed rules have found of what the lake holds.",
    "tune": "A filter for a rule that is too loud, out of what analysts decided.",
    "schema": "A class of events, as a person wants to read it.",
    "golden": "Compare or accept the golden files of integrations.",
    "simulate": "Let an estate's site live: records of all its sources, and the truth beside them.",
    "doctor": "What this machine is, what is installed, what is missing.",
}


GROUPS = {
    "rules": "What the rules are: list, show, coverage.",
    "people": "Who is who: suggest, orphans, merge, unmerge, confirm, reject.",
    "new": "Start something of your own: an integration.",
}
"""Verbs with verbs of their own."""

FILES = {"who": "where"}
"""Verbs that share a file with another."""


def application() -> Any:
    """The cyclopts application with every verb on it. Verbs import what they need when they run."""
    import cyclopts

    app = cyclopts.App(
        name="watchfloor",
        help=HELP,
        version=__version__,
        help_format="plaintext",
        default_parameter=cyclopts.Parameter(negative=()),
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # we say ourselves what an interruption left behind
    )
    for verb, summary in VERBS.items():
        app.command(f"watchfloor.cli.{FILES.get(verb, verb)}:{verb}", name=verb, help=summary)
    for group, summary in GROUPS.items():
        app.command(f"watchfloor.cli.{group}:app", name=group, help=summary)
    return app


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code and never lets a traceback through."""
    tokens = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(STARTING)
    try:
        with _interruptible():
            result = _carried_out(tokens)
        sys.stdout.flush()
        return result if isinstance(result, int) and not isinstance(result, bool) else 0
    except WatchfloorError as error:
        return _say(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing is left half-written\n")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away: `| head` is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    except Exception as error:
        if os.environ.get("WATCHFLOOR_DEBUG"):
            raise
        sys.stderr.write(
            f"watchfloor failed in a way it should not: {type(error).__name__}: {error}\n"
            "  -> this is a bug; run it again with WATCHFLOOR_DEBUG=1 and send us what it prints\n"
        )
        return INTERNAL


def _carried_out(tokens: Sequence[str]) -> Any:
    """Do what is asked; what the verb answers.

    Raises:
        UsageError: the command line makes no sense.
    """
    if list(tokens) == ["--version"]:
        sys.stdout.write(f"{__version__}\n")
        return 0
    if list(tokens) in ([], ["--help"], ["-h"]):
        sys.stdout.write(_help())
        return 0
    if tokens[0] in VERBS:
        from watchfloor.cli.plainly import understood

        module = importlib.import_module(f"watchfloor.cli.{FILES.get(tokens[0], tokens[0])}")
        verb = getattr(module, tokens[0])
        given = understood(verb, tokens[1:])
        if given is not None:
            return verb(**given)
    import cyclopts

    try:
        return application()(tokens, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        remedy = "watchfloor --help lists the verbs, watchfloor VERB --help its options"
        raise UsageError(_plain(error), remedy=remedy) from None


def _help() -> str:
    """What `--help` says: the table of verbs, without importing any."""
    verbs = {**VERBS, **GROUPS, "--help (-h)": "Display this message and exit.", "--version": "Display the version."}
    width = max(map(len, verbs))
    rows = "".join(f"  {verb:<{width}}  {summary}\n" for verb, summary in sorted(verbs.items()))
    return f"Usage: watchfloor COMMAND\n\n{HELP}\n\nCommands:\n{rows}\nwatchfloor COMMAND --help says what it takes.\n"


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C that falls into a destructor counts too: Python would print it and go on, we ask again a moment later."""
    usual = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            import threading

            threading.Timer(0.02, _thread.interrupt_main).start()
        else:
            usual(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = usual


def _say(error: WatchfloorError) -> int:
    from watchfloor.cli.screen import readable

    sys.stderr.write(f"{readable(str(error))}\n")
    return error.exit_code


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _entry() -> None:
    code = main()
    gc.freeze()  # or all that was ever loaded would be looked through for garbage once more
    sys.exit(code)
