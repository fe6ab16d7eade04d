"""docs/alerts.md is what the rules and settings are, and its examples are taken."""

import re

import pytest

from streaming.alerts.config import RULES, AlertSettings, QuietHours, Route, RuleSettings
from streaming.alerts.post import RETRY_S
from streaming.alerts.report import report_from_json
from streaming.settings import PROJECT_ROOT, load_settings
from streaming.shell.alerts_eyes import Hearing

TEXT = (PROJECT_ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (\w+) \|", TEXT, re.MULTILINE)


def test_page_lists_every_rule_with_its_gravity() -> None:
    assert dict(ROWS) == RULES


def test_keys_named_in_the_page_exist() -> None:
    sections = (AlertSettings, RuleSettings, QuietHours, Route)
    known = {name for section in sections for name in section.model_fields} | {*RULES}
    named = {word.rpartition(".")[2] for word in re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", TEXT)}
    others = {
        "ack",
        "failed_runs",
        "date",
        "rule",
        "severity",
        "ts_ns",
        "list",
        "alerts",
        "alerts_newest",
        "json",
        "halted",
    }

    assert named - known - others == set()


def test_every_threshold_is_named_in_the_page() -> None:
    wanted = set(RuleSettings.model_fields) - {"stale_feed_s_by_instrument"}

    assert {name for name in wanted if f"`{name}`" not in TEXT} == set()


def test_report_in_the_page_is_one() -> None:
    (example,) = re.findall(r"```json\n(.*?)\n```", TEXT, re.DOTALL)

    assert report_from_json(example.encode()).title == "The backup failed"


def test_waits_between_tries_are_the_real_ones() -> None:
    words = ", ".join(f"{wait} s" if wait < 60 else f"{wait // 60} min" for wait in RETRY_S[:-1])

    assert f"{words} and {RETRY_S[-1] // 60} min" in " ".join(TEXT.split())


def test_addresses_come_from_the_environment_by_name(settings_file, monkeypatch: pytest.MonkeyPatch) -> None:
    name = re.findall(r"LOB_STREAMING__ALERTS__URLS__MAIL", TEXT)[0]
    monkeypatch.setenv(name, "mailtos://USER:PASSWORD@example.org")

    settings = load_settings().streaming.alerts

    assert settings.urls["mail"].get_secret_value() == "mailtos://USER:PASSWORD@example.org"
    assert settings.route("mail") == Route()


def test_words_that_cannot_be_read_are_passed_over() -> None:
    hearing = Hearing()

    for ear in (hearing.hear_telemetry, hearing.hear_event, hearing.hear_view):
        ear(b"{torn")

    assert (hearing.status("trader"), hearing.view(), hearing.take_events()) == ((None, None), None, ())
