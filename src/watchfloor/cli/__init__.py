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
import os
import sys
import threading
from collections.abc import Iterator
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

STARTING = 10_000
"""Objects made before Python looks for garbage among them, until all is ready (`run.memory.settled`). At its own 700 a
start spends a tenth of its time there."""


def application() -> Any:
    """The cyclopts application with every verb on it. Verbs import what they need when they run."""
    import cyclopts

    app = cyclopts.App(
        name="watchfloor",
        help="One watch floor: real logs in, proven findings out.",
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # we say ourselves what an interruption left behind
    )
    for verb, summary in VERBS.items():
        app.command(f"watchfloor.cli.{FILES.get(verb, verb)}:{verb}", name=verb, help=summary)
    app.command("watchfloor.cli.rules:app", name="rules", help="What the rules are: list, show, coverage.")
    app.command(
        "watchfloor.cli.people:app",
        name="people",
        help="Who is who: suggest, orphans, merge, unmerge, confirm, reject.",
    )
    app.command("watchfloor.cli.new:app", name="new", help="Start something of your own: an integration.")
    return app


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
    "explain": "Why is this a finding: rule, record, fields that decided.",
    "schema": "A class of events, as a person wants to read it.",
    "golden": "Compare or accept the golden files of integrations.",
    "simulate": "Let an estate's site live: records of all its sources, and the truth beside them.",
    "doctor": "What this machine is, what is installed, what is missing.",
}


FILES = {"who": "where"}
"""Verbs that share a file with another."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code and never lets a traceback through."""
    import cyclopts

    tokens = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(STARTING)
    try:
        with _interruptible():
            result = application()(tokens, exit_on_error=False, print_error=False)
        sys.stdout.flush()
        return result if isinstance(result, int) and not isinstance(result, bool) else 0
    except cyclopts.CycloptsError as error:
        return _say(
            UsageError(_plain(error), remedy="watchfloor --help lists the verbs, watchfloor VERB --help its options")
        )
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


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C that falls into a destructor counts too: Python would print it and go on, we ask again a moment later."""
    usual = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
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
    sys.exit(main())
