"""The program: its commands, and what becomes of errors and warnings.

Exit codes: 0 done, 1 faults found by ``check``, 2 asked in a wrong way or something that cannot be used; ``compare``
tells its verdict by 3 and 4. An exception that this package does not raise on purpose keeps its traceback.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decrochage_risk.cli.import_command import import_command
from decrochage_risk.cli.journal_command import journal
from decrochage_risk.cli.messages import FrenchCommand, FrenchGroup, message_in_french
from decrochage_risk.cli.model_commands import (
    compare,
    drift,
    evaluate,
    recalibrate,
    retrain,
    thresholds,
    train,
)
from decrochage_risk.cli.notice_command import notice
from decrochage_risk.cli.output import replace_unwritable, say
from decrochage_risk.cli.records_commands import check, clean, new_key, pseudonymise
from decrochage_risk.cli.report_command import report
from decrochage_risk.cli.score_command import score
from decrochage_risk.cli.synthetic_commands import cohort, demo
from decrochage_risk.errors import DecrochageError, DecrochageWarning, FaultyRecordsError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["app", "main"]

UNUSABLE = 2
_FAULTS_HINT = (
    "Toutes les fautes, ligne par ligne : decrochage-risk check DOSSIER --report FICHIER.csv. "
    "Les mettre de côté : --on-fault quarantine."
)


class CleanGroup(FrenchGroup):
    """Tells the errors and warnings of the package on stderr, without traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's own context, whose class moved between versions
        """Run a command."""
        texts: set[str] = set()
        with warnings.catch_warnings():
            elsewhere = warnings.showwarning

            def tell(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:  # noqa: ANN401 - passed on as it came
                if not issubclass(category, DecrochageWarning):
                    elsewhere(message, category, *where, **more)
                # "always" below repeats a warning for each call: it is told once per command.
                elif str(message) not in texts:
                    texts.add(str(message))
                    say(f"Attention : {message_in_french(message)}", stderr=True)

            # catch_warnings puts the former one back at its end.
            warnings.showwarning = tell
            warnings.simplefilter("always", DecrochageWarning)
            try:
                return super().invoke(ctx)
            except DecrochageError as error:
                say(f"Erreur : {message_in_french(error)}", stderr=True)
                if isinstance(error, FaultyRecordsError):
                    say(f"\n{_FAULTS_HINT}", stderr=True)
                raise typer.Exit(UNUSABLE) from error


def _say_version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it with the value of the flag
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - only for --version

        say(f"decrochage-risk {version('decrochage-risk')}")
        raise typer.Exit


def _program(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Dire la version.")
    ] = False,
) -> None:
    """Voir tôt le risque de sortie sans diplôme, l'expliquer par des faits datés, agir avant la rupture.

    Un score est une probabilité estimée, jamais une décision. « decrochage-risk COMMANDE --help » dit ce que chaque
    commande lit et écrit.

    Codes de sortie : 0 fait ; 1 « check » a trouvé des erreurs ; 2 demande ou fichier inutilisable ; 3 et 4 verdicts de
    « compare », « retrain » et « drift ».
    """


_COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "demo": (demo, "tout le chemin, sur des élèves synthétiques"),
    "import": (import_command, "lire les exports d'un établissement"),
    "check": (check, "vérifier un dossier d'extraits"),
    "score": (score, "scorer un dossier à une date"),
    "report": (report, "écrire les pages d'un passage"),
    "notice": (notice, "écrire la notice d'un élève"),
    "journal": (journal, "lire et purger un journal"),
    "train": (train, "entraîner un modèle sur vos données"),
    "evaluate": (evaluate, "mesurer un modèle"),
    "compare": (compare, "comparer un nouveau modèle à celui en place"),
    "retrain": (retrain, "réentraîner pour une nouvelle année, d'une configuration"),
    "drift": (drift, "veiller entre deux entraînements"),
    "recalibrate": (recalibrate, "remettre le niveau moyen à des issues closes"),
    "thresholds": (thresholds, "aider à choisir les seuils"),
    "cohort": (cohort, "tirer une cohorte synthétique"),
    "pseudonymise": (pseudonymise, "remplacer les identifiants par un code à clé"),
    "clean": (clean, "supprimer les copies de travail d'un passage interrompu"),
    "new-key": (new_key, "faire une clé de pseudonymes"),
}


def _make_app() -> typer.Typer:
    # Tracebacks stay Python's: Rich's would print the values of variables, which are records of pupils.
    program = typer.Typer(
        cls=CleanGroup,
        callback=_program,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for name, (command, short_help) in _COMMANDS.items():
        program.command(name, cls=FrenchCommand, short_help=short_help)(command)
    return program


app = _make_app()


def main() -> None:
    """Run the command line."""
    replace_unwritable()
    app(prog_name="decrochage-risk")
