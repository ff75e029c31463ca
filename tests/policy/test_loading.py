from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from decrochage_risk.errors import PolicyError
from decrochage_risk.policy import Policy, load_policy

Edit = Callable[..., Path]


def _refusal(path: Path) -> str:
    with pytest.raises(PolicyError) as refused:
        load_policy(path)
    message = str(refused.value)
    assert "Expected:" in message
    assert "Hint:" in message
    return message


def test_bundled_policy_is_read_once(policy: Policy) -> None:
    """The bundled policy is cached and cannot be changed in place."""
    assert load_policy() is policy
    with pytest.raises(ValidationError):
        policy.version = "other"  # type: ignore[misc]  # writing to it is the test


def test_version_is_the_date_and_the_content(edited: Edit, policy: Policy) -> None:
    """The same tables have the same version, whatever the line ends; another threshold or sentence another one."""
    folder = edited("vigilance.toml")
    assert load_policy(folder).version == policy.version
    (folder / "vigilance.toml").write_bytes((folder / "vigilance.toml").read_bytes().replace(b"\n", b"\r\n"))
    assert load_policy(folder).version == policy.version
    assert re.fullmatch(r"2024-09-01\+[0-9a-f]{12}", policy.version)

    assert (
        load_policy(edited("vigilance.toml", ("targeted = 0.10", "targeted = 0.12"))).version
        != policy.version
    )


def test_caller_gives_a_file_or_a_folder(edited: Edit, policy: Policy) -> None:
    """A vigilance file alone keeps the bundled measures; a folder with measures alone keeps the thresholds."""
    folder = edited("vigilance.toml", ("targeted = 0.27", "targeted = 0.25"))
    assert load_policy(folder / "vigilance.toml") == load_policy(folder)
    assert load_policy(folder).table.group_of("cap1").targeted == 0.25
    assert load_policy(folder).measures == policy.measures

    (folder / "vigilance.toml").unlink()
    only_measures = load_policy(edited("measures.toml", ("min_age = 15", "min_age = 14")))
    assert only_measures.table == policy.table
    assert only_measures.measures != policy.measures


@pytest.mark.parametrize("name", ["measures.toml", "nos_mesures.toml"])
def test_a_file_of_measures_alone_keeps_the_bundled_thresholds(
    edited: Edit, tmp_path: Path, policy: Policy, name: str
) -> None:
    """A file given by itself is the table that it holds, whatever its name; the other table is the bundled one."""
    folder = edited("measures.toml", ("min_age = 15", "min_age = 16"))
    file = (folder / "measures.toml").rename(tmp_path / name)

    found = load_policy(file)

    assert found.table == policy.table
    assert next(rule.min_age for rule in found.measures if rule.code == "pafi") == 16


def test_a_policy_built_by_hand_holds_every_level_once(policy: Policy) -> None:
    """Overlapping or missing levels and repeated codes are refused all at once, as in a file, and not when scoring."""
    first, *others = policy.table.groups
    for groups, came in (
        (others, "level '6e' is in no group; level '5e' is in no group"),
        (
            [first, *others, first],
            "level '6e' is listed 2 times .*; groups: code 'college_6e_5e' is used 2 times",
        ),
    ):
        table = policy.table.model_copy(update={"groups": tuple(groups)})
        with pytest.raises(ValidationError, match=came):
            Policy(version="ours", table=table, measures=policy.measures)
    gpds = next(rule for rule in policy.measures if rule.code == "gpds")
    with pytest.raises(ValidationError, match="measures: code 'gpds' is used 2 times"):
        Policy(version="ours", table=policy.table, measures=(*policy.measures, gpds))


def test_what_came_is_shown_short(edited: Edit) -> None:
    """A fault shows the beginning of a long value, never a whole table."""
    message = _refusal(edited("vigilance.toml", ("title =", f"titre = '{'x' * 500}'\ntitle =")))
    assert "titre: 'xxx" in message
    assert "x" * 80 not in message


def test_policy_in_force_between_its_dates(edited: Edit, policy: Policy) -> None:
    """First and last day count; without a last day a policy stays in force."""
    assert policy.in_force(date(2024, 9, 1))
    assert not policy.in_force(date(2024, 8, 31))
    assert policy.in_force(date(2060, 1, 1))
    ended = load_policy(edited("vigilance.toml", ("title =", "valid_to = 2025-08-31\ntitle =")))
    assert ended.in_force(date(2025, 8, 31))
    assert not ended.in_force(date(2025, 9, 1))


@pytest.mark.parametrize(
    ("edit", "came"),
    [
        (('"3e_pm", ', ""), "level '3e_pm' is in no group"),
        (('"2de_gt", ', '"2de_gt", "4e", '), "level '4e' is listed 2 times (college_4e_3e, gt)"),
        (('"cap3"]', '"cap3", "bts1"]'), "level 'bts1' is not known"),
        (("secured = 0.40", "secured = 1.2"), "groups[0] (college_6e_5e).secured: 1.2 came"),
        (("targeted = 0.10", "targeted = 0"), "groups[1] (college_4e_3e).targeted: 0 came"),
        (("targeted = 0.10", "targeted = nan"), "groups[1] (college_4e_3e).targeted: nan came"),
        (("targeted = 0.27", "targeted = 0.60"), "came 0.18 / 0.6 / 0.54"),
        (("base_rate = 0.18", "base_rate = 0.30"), "came 0.3 / 0.27 / 0.54"),
        (
            ("targeted = 0.10", "targeted = 0.1034"),
            "in steps of 0.001, so that its rule can be written exactly, came 0.1034",
        ),
        (('code = "gt"', 'code = "pro"'), "code 'pro' is used 2 times"),
        (("title =", "valid_to = 2020-01-01\ntitle ="), "expected valid_from <= valid_to"),
        (("valid_from = 2024-09-01", ""), "valid_from: Field required"),
        (("reinforced = true", 'reinforced = "oui"'), "reinforced: 'oui' came"),
        (("targeted = 0.10", "targetted = 0.10"), "targetted"),
        (("title =", "title"), "vigilance.toml: not TOML"),
    ],
)
def test_faulty_vigilance_table_is_refused(edited: Edit, edit: tuple[str, str], came: str) -> None:
    """Overlapping, missing or unknown levels and impossible thresholds are named with their place."""
    assert came in _refusal(edited("vigilance.toml", edit))


@pytest.mark.parametrize(
    ("edit", "came"),
    [
        (("valid_from = 2023-07-20\n", ""), "(tdo).valid_from: Field required"),
        (
            ('source = "Arrêté du 18 juillet 2023 (JO du 28 juillet 2023)"', ""),
            "(ambition_emploi).source: Field required",
        ),
        (
            ('source = "Arrêté du 18 juillet 2023 (JO du 28 juillet 2023)"', 'source = ""'),
            "(ambition_emploi).source: '' came",
        ),
        (('levels = ["tle_pro", "cap2", "cap3"]', 'levels = ["bts1"]'), "level 'bts1' is not known"),
        (
            ("valid_from = 2020-09-01", "valid_from = 2020-09-01\nvalid_to = 2019-01-01"),
            "2020-09-01 / 2019-01-01",
        ),
        (("max_age = 17", "max_age = 12"), "expected min_age <= max_age, came 16 / 12"),
        (('end = "10-31"', 'end = "7 novembre"'), "'7 novembre' came"),
        (('end = "10-31"', 'end = "02-31"'), "'02-31' came; no year has such a day"),
        (("min_tier = 1", "min_tier = 0"), "only a fact can open a measure"),
        (("min_tier = 1", "min_tier = 4"), "(perseverance).min_tier: 4 came"),
        (('code = "mlds"', 'code = "tdo"'), "code 'tdo' is used 2 times"),
        (
            ('unjustified_half_days_month", at_least = 4', 'unjustified_halfdays", at_least = 4'),
            "feature 'unjustified_halfdays' is not in the catalogue",
        ),
        (("at_least = 10", "at_least = inf"), "at_least: inf came"),
    ],
)
def test_faulty_measure_table_is_refused(edited: Edit, edit: tuple[str, str], came: str) -> None:
    """A measure without date or source, with impossible ages, days, levels or tiers is named with its place."""
    assert came in _refusal(edited("measures.toml", edit))


def test_all_faults_of_both_tables_come_at_once(edited: Edit) -> None:
    """One error lists every fault of both files, never only the first."""
    edited("vigilance.toml", ("secured = 0.40", "secured = 1.2"), ('"3e_pm", ', ""))
    message = _refusal(
        edited("measures.toml", ("valid_from = 2023-07-20\n", ""), ("max_age = 17", "max_age = 12"))
    )

    assert "4 fault(s)" in message
    for came in ("secured: 1.2 came", "'3e_pm' is in no group", "(tdo).valid_from", "came 16 / 12"):
        assert came in message


def test_a_table_in_another_encoding_is_refused(edited: Edit) -> None:
    """A file saved in ISO-8859-15 is named with the place of its first odd byte."""
    folder = edited("vigilance.toml")
    text = (folder / "vigilance.toml").read_text(encoding="utf-8")
    (folder / "vigilance.toml").write_bytes(text.encode("iso-8859-15", "replace"))
    assert "vigilance.toml: not UTF-8 at byte" in _refusal(folder)


@pytest.mark.parametrize("name", ["", "nowhere.toml"])
def test_a_path_without_a_table_is_refused(tmp_path: Path, name: str) -> None:
    """An empty folder or a missing file is no policy."""
    assert "No policy table at" in _refusal(tmp_path / name)


@pytest.mark.parametrize("path", [5, b"vigilance.toml", ["vigilance.toml"]])
def test_what_is_no_path_is_refused(path: Any) -> None:
    """A number, bytes or a list in place of a path says what to pass."""
    with pytest.raises(PolicyError, match=r"path is a \w+") as refused:
        load_policy(path)
    assert "Hint:" in str(refused.value)
