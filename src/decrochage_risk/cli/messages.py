"""What the package says in English to programs, errors and warnings and notes of reading, in French to who reads a command.

The templates are in ``messages_fr.toml``. A report of faults and an export of a school bring their own French.

So with the words of the command-line parser: Typer's holds them in English, without a catalogue of translations. They are
replaced here, where they leave the program; a test walks every help page and every kind of error and finds no English word.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from decrochage_risk.errors import UnreadableExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decrochage_risk.french.translations import Catalogue

__all__ = ["FrenchCommand", "FrenchGroup", "message_in_french", "text_in_french", "usage_in_french"]


@cache
def _catalogue() -> Catalogue:
    from decrochage_risk.french.translations import Catalogue  # noqa: PLC0415 - only where something is said

    with as_file(files("decrochage_risk.cli") / "messages_fr.toml") as path:
        return Catalogue.from_toml(path)


def text_in_french(text: str) -> str:
    """Say a message or note of the package in French; a sentence without a template stays as it is.

    Examples
    --------
    >>> text_in_french("grades.csv holds no line.")
    'grades.csv ne contient aucune ligne.'
    """
    return _catalogue().translate(text)


def message_in_french(message: BaseException | str) -> str:
    """Say an error or a warning in French.

    Examples
    --------
    >>> from decrochage_risk.errors import RecordsError, explain_error
    >>> text = explain_error("x is a file", expected="a folder of tables", hint="Check the path.")
    >>> print(message_in_french(RecordsError(text)))
    x est un fichier.
    Attendu : un dossier de tables.
    Conseil : Vérifier le chemin.
    """
    if isinstance(message, UnreadableExportError):
        return message.french
    report = getattr(message, "report", None)
    if report is not None and hasattr(report, "text"):
        text: str = report.text("fr")
        return text
    return text_in_french(str(message))


# The parser's own errors have moved between modules of Typer; their common base is reached from the public
# one.
UsageError: Any = typer.BadParameter.__base__
ClickError: Any = UsageError.__base__

_WORDS = tuple(
    (re.compile(pattern, re.MULTILINE), french)
    for pattern, french in (
        (r"^Usage: ", "Usage : "),
        (r"\bCOMMAND \[ARGS\]\.\.\.", "COMMANDE [ARGUMENTS]..."),
        (r"^Options:?$", "Options :"),
        (r"^Arguments:?$", "Arguments :"),
        (r"^Commands:?$", "Commandes :"),
        (r"Show this message and exit\.", "Montrer cette aide."),
        (r"\[default: ", "[par défaut : "),
        (r"\[default:", "[par défaut :"),
        (r"\[required\]", "[obligatoire]"),
        (r"; required\]", " ; obligatoire]"),
        (r"\[env var: ", "[variable d'environnement : "),
        (r"\(deprecated\)", "(ancienne)"),
        (r"<path>", "<chemin>"),
        (r"<list\[Path\]>", "<chemins>"),
        (r"<integer( range)?>", "<entier>"),
        (r"<int>", "<entier>"),
        (r"<float( range)?>", "<nombre>"),
        (r"<text>|<str>", "<texte>"),
        (r"Try '(.*)' for help\.", r"« \1 » montre l'aide."),
        (r"^No such command '(.*?)'\.?", r"La commande « \1 » n'existe pas."),
        (r" Did you mean (.*)\?", r" Vouliez-vous dire \1 ?"),
        (r"^No such option: (\S+)", r"L'option \1 n'existe pas."),
        (r"\(Possible options: (.*)\)", r"Options voisines : \1."),
        (r"^Missing command\.", "Il manque une commande."),
        (r"^Missing argument '(.*?)'\.", r"Il manque l'argument \1."),
        (r"^Missing option '(.*?)'\.", r"Il manque l'option \1."),
        (r"^Missing parameter: (\S+)", r"Il manque \1."),
        (r"^Got unexpected extra argument\(?s?\)? \((.*)\)", r"Arguments en trop : \1."),
        (r"^Option '(.*)' does not take a value\.", r"L'option \1 ne prend pas de valeur."),
        (r"^Option '(.*)' requires an argument\.", r"L'option \1 attend une valeur."),
        (r"^Option '(.*)' requires (\d+) arguments\.", r"L'option \1 attend \2 valeurs."),
        (r"^Argument '(.*)' takes (\d+) values\.", r"L'argument \1 attend \2 valeurs."),
        (r"^Invalid value for (.*?): ", r"Valeur inutilisable pour \1 : "),
        (r"^Invalid value: ", "Valeur inutilisable : "),
        (r"Value error, ", ""),
        (r"'([^']*)' is not one of (.*)\.", r"« \1 » n'est pas l'une des valeurs \2."),
        (r"Value (.*) is not a valid (?:int|integer)\.?", r"\1 n'est pas un nombre entier."),
        (r"Value (.*) is not a valid float\.?", r"\1 n'est pas un nombre."),
        (r"(.*) is not a valid integer( range)?\.?", r"\1 n'est pas un nombre entier."),
        (r"(.*) is not a valid float( range)?\.?", r"\1 n'est pas un nombre."),
        (r"Input should be a valid integer.*", "Un nombre entier est attendu."),
        (r"Input should be a valid number.*", "Un nombre est attendu."),
        (r"Input should be greater than or equal to (\S+)", r"Un nombre d'au moins \1 est attendu."),
        (r"Input should be less than or equal to (\S+)", r"Un nombre d'au plus \1 est attendu."),
        (
            r"(\S+) is not in the range x>=(\S+?)\.?$",
            r"\1 est hors des bornes : au moins \2 est attendu.",
        ),
        (
            r"(\S+) is not in the range (\S+?)<=x<=(\S+?)\.?$",
            r"\1 est hors des bornes : de \2 à \3.",
        ),
        (r"(?:Path|File|Directory) '(.*)' does not exist\.", r"« \1 » n'existe pas."),
        (r"(?:Path|File|Directory) '(.*)' is a file\.", r"« \1 » est un fichier, un dossier est attendu."),
        (
            r"(?:Path|File|Directory) '(.*)' is a directory\.",
            r"« \1 » est un dossier, un fichier est attendu.",
        ),
        (r"(?:Path|File|Directory) '(.*)' is not readable\.", r"« \1 » ne peut pas être lu."),
        (r"(?:Path|File|Directory) '(.*)' is not writable\.", r"On ne peut pas écrire dans « \1 »."),
    )
)


def usage_in_french(text: str) -> str:
    """Replace the parser's English words.

    Examples
    --------
    >>> usage_in_french("No such option: --modele (Possible options: --model)")
    "L'option --modele n'existe pas. Options voisines : --model."
    """
    for pattern, french in _WORDS:
        text = pattern.sub(french, text)
    return text


def _say_help(formatter: Any) -> None:  # noqa: ANN401 - Typer's own formatter, whose class moved between versions
    # Piece by piece on the way out: the parser's words are in no catalogue that could be replaced.
    formatter.buffer = [usage_in_french(piece) for piece in formatter.buffer]


class FrenchCommand(TyperCommand):
    """A command whose help page is French throughout."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own, whose classes moved
        """Write the help page."""
        super().format_help(ctx, formatter)
        _say_help(formatter)


class FrenchGroup(TyperGroup):
    """The program: its help page, and its complaints about what was typed, in French."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - same
        """Write the help page."""
        super().format_help(ctx, formatter)
        _say_help(formatter)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - Typer's own signature
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002 - same
        **extra: Any,  # noqa: ANN401 - same
    ) -> Any:  # noqa: ANN401 - same
        """Run the program; what was typed in a wrong way is told on stderr, with exit code 2."""

        def run() -> Any:  # noqa: ANN401 - what the command gives
            whole = {"complete_var": complete_var, "windows_expand_args": windows_expand_args, **extra}
            # Not standalone, or the parser would print its errors itself, in English, and exit.
            return super(FrenchGroup, self).main(args, prog_name, standalone_mode=False, **whole)

        if not standalone_mode:
            return run()
        try:
            code = run()
        except ClickError as error:
            typer.echo(_complaint(error), err=True)
            raise SystemExit(error.exit_code) from error
        except typer.Abort as error:
            typer.echo("Interrompu.", err=True)
            raise SystemExit(1) from error
        raise SystemExit(code if isinstance(code, int) else 0)


def _complaint(error: Any) -> str:  # noqa: ANN401 - of the parser
    context = getattr(error, "ctx", None)
    if context is None:
        return f"Erreur : {usage_in_french(error.format_message())}"
    # By name, as the class has moved between modules of the parser.
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(error.format_message())
    usage = usage_in_french(context.get_usage())
    return (
        f"{usage}\n« {context.command_path} --help » montre l'aide.\n\n"
        f"Erreur : {usage_in_french(error.format_message())}"
    )
