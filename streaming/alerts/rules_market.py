"""Rules about what is heard and foretold: connections, feeds, gaps, forecasts, models, drift."""

from collections.abc import Iterator
from typing import Final

from streaming.alerts.looking import Look, count_text, moment_text
from streaming.alerts.sight import Finding, names_at, number_at, rows_at, text_at
from streaming.bus import Severity

NS_PER_S: Final = 1_000_000_000
NS_PER_H: Final = 3_600 * NS_PER_S
RESTRAINED_LEVEL: Final = 2
"""From this level of drift on a trader no longer trades as it would."""


def disconnected(look: Look) -> Iterator[Finding]:
    """A venue's sockets are not open."""
    for venue in rows_at(look.trader, "venues"):
        name = text_at(venue, "venue")
        lost_s = look.held_s("disconnect", name, holds=venue.get("is_connected") is False)
        if lost_s > look.rules.disconnect_s_max:
            problem = text_at(venue, "last_problem")
            words = f"for {lost_s:.0f} s{f': {problem}' if problem else ''}; it is tried again by itself"
            yield look.finding("disconnect", f"{name} is not connected", words, subject=name, process="trader")


def stale_feeds(look: Look) -> Iterator[Finding]:
    """A feed is silent, or its book is not whole."""
    yield from _broken_books(look)
    yield from _silent_books(look)
    yield from _deaf_trader(look)
    yield from _deaf_recorder(look)


def _broken_books(look: Look) -> Iterator[Finding]:
    resting = {name for venue in rows_at(look.trader, "venues") for name in names_at(venue, "resting")}
    for row in rows_at(look.trader, "instruments"):
        name, feed = text_at(row, "instrument"), text_at(row, "feed")
        is_broken = feed != "synced" and name not in resting
        broken_s = look.held_s("broken", name, holds=is_broken)
        if broken_s > _patience_s(look, name):
            words = f"for {broken_s:.0f} s, its feed is {feed}; it is not traded meanwhile; next: trader status"
            yield look.finding("stale_feed", f"{name} has no whole book", words, subject=name, process="trader")


def _silent_books(look: Look) -> Iterator[Finding]:
    """What the trader's view tells of each book; its clock may run faster than ours."""
    view, speed = look.sight.view, number_at(look.trader, "clock_speed") or 1.0
    for market in view.markets if view is not None else ():
        if view is None or market.feed != "synced" or not market.ts_book_ns:
            continue
        silent_s = (view.ts_ns - market.ts_book_ns) / speed / NS_PER_S
        if silent_s > _patience_s(look, market.instrument):
            words = f"no book message for {silent_s:.0f} s; next: trader status"
            title = f"{market.instrument} is silent"
            yield look.finding("stale_feed", title, words, subject=market.instrument, process="trader")


def _deaf_trader(look: Look) -> Iterator[Finding]:
    frames = number_at(look.trader, "counts", "frames")
    silent_s = 0.0 if frames is None else look.still_s(frames, "frames", text_at(look.trader, "run"))
    if silent_s > look.rules.stale_feed_s_max:
        words = f"no frame of any venue for {silent_s:.0f} s; next: trader status"
        yield look.finding("stale_feed", "The trader hears nothing", words, subject="trader", process="trader")


def _deaf_recorder(look: Look) -> Iterator[Finding]:
    for venue in rows_at(look.recorder, "venues"):
        name, frames = text_at(venue, "venue"), number_at(venue, "frames")
        waiting = names_at(venue, "waiting_for")
        silent_s = 0.0 if frames is None else look.still_s(frames, "recorded", text_at(venue, "run"))
        broken_s = look.held_s("unrecorded", name, holds=bool(waiting))
        if max(silent_s, broken_s) <= look.rules.stale_feed_s_max:
            continue
        is_silent = silent_s >= broken_s
        found = f"no frame for {silent_s:.0f} s" if is_silent else f"no whole book of {', '.join(waiting)}"
        words = f"{found}; next: trader record status"
        title = f"{name} is {'silent to' if is_silent else 'not whole for'} the recorder"
        yield look.finding("stale_feed", title, words, subject=f"recorder {name}", process="recorder")


def _patience_s(look: Look, instrument: str) -> float:
    return look.rules.stale_feed_s_by_instrument.get(instrument, look.rules.stale_feed_s_max)


def gap_rate(look: Look) -> Iterator[Finding]:
    """Feeds broke too often within the window."""
    counted = [("trader", text_at(look.trader, "run"), number_at(look.trader, "counts", "gaps_opened"))]
    counted += [
        (f"recorder {text_at(venue, 'venue')}", text_at(venue, "run"), number_at(venue, "gaps_opened"))
        for venue in rows_at(look.recorder, "venues")
    ]
    window_s = look.rules.gaps_window_s
    for subject, run, opened in counted:
        rose = 0 if opened is None else look.rise(opened, "gaps", subject, run, window_s=window_s)
        if rose >= look.rules.gaps_max:
            words = f"{count_text(rose, 'gap')} within {window_s:g} s, expected fewer than {look.rules.gaps_max}"
            process = subject.partition(" ")[0]
            title = f"Feeds of the {process} break often"
            yield look.finding("gap_rate", title, f"{words}; next: trader gaps", subject=subject, process=process)


def no_forecast(look: Look) -> Iterator[Finding]:
    """A model trades, grid steps close, and no forecast comes."""
    status = look.trader
    forecasts, steps = number_at(status, "counts", "forecasts"), number_at(status, "counts", "steps")
    run, bundle = text_at(status, "run"), text_at(status, "model", "hash")
    if forecasts is None or steps is None or not bundle:
        return
    silent_s = look.still_s(forecasts, "forecasts", run)
    is_turning = look.still_s(steps, "steps", run) < look.rules.no_forecast_s_max
    if silent_s > look.rules.no_forecast_s_max and is_turning:
        problem = text_at(status, "last_forecast_problem") or "no reason was told"
        words = f"model {bundle[:12]}: none for {silent_s:.0f} s: {problem}; next: trader status"
        yield look.finding("no_forecast", "No forecast is made", words, subject=bundle[:12], process="trader")


def expired(look: Look) -> Iterator[Finding]:
    """The model that trades expires soon, or has."""
    found = _model(look)
    until = number_at(look.trader, "facts", "model_expires_ns")
    if found is None or not until:  # 0 stands for never
        return
    bundle, now_ns = found
    left_h = (until - now_ns) / NS_PER_H
    if left_h > look.rules.model_expiry_h_before:
        return
    severity: Severity | None = "warning" if left_h > 0 else None
    distance = f"{left_h:.1f} h from now" if left_h > 0 else f"{-left_h:.1f} h ago"
    words = f"at {moment_text(int(until))} of the session's clock, {distance}"
    yield look.finding(
        "model_expired",
        f"Model {bundle[:12]} {'expires' if left_h > 0 else 'has expired'}",
        f"{words}; next: train on newer data, trader models promote",
        subject=bundle[:12],
        severity=severity,
        process="trader",
    )


def stale_model(look: Look) -> Iterator[Finding]:
    """The model that trades learned from data that are long past."""
    found, until_ns, limit_h = _model(look), look.sight.trained_until_ns, look.rules.model_age_h_max
    if found is None or until_ns is None or limit_h is None:
        return
    bundle, now_ns = found
    age_h = (now_ns - until_ns) / NS_PER_H
    if age_h > limit_h:
        words = f"its data end {age_h:.1f} h ago ({moment_text(until_ns)}), expected at most {limit_h:g} h"
        title = f"Model {bundle[:12]} is stale"
        next_text = "next: train on newer data, trader models promote"
        yield look.finding("model_stale", title, f"{words}; {next_text}", subject=bundle[:12], process="trader")


def _model(look: Look) -> tuple[str, int] | None:
    """Return hash of the model that trades and the session's time."""
    bundle, now_ns = text_at(look.trader, "model", "hash"), number_at(look.trader, "ts_ns")
    return (bundle, int(now_ns)) if bundle and now_ns is not None else None


def drift(look: Look) -> Iterator[Finding]:
    """Newer data are far from those that the model learned from; a model that no longer trades is no one's concern."""
    found, trading = look.sight.drift, text_at(look.trader, "model", "hash")
    if found is None or found.level < look.rules.drift_level_min or (trading and trading != found.bundle):
        return
    effect = {1: "halves sizes", 2: "reduces", 3: "halts"}[found.level]
    is_grave = found.level >= RESTRAINED_LEVEL
    yield look.finding(
        "drift",
        f"Drift of level {found.level}: a trader that heeds it {effect}",
        f"{found.name}: {found.words}; next: the report in reports/drift, then retrain",
        subject=found.bundle[:12],
        severity="critical" if is_grave else None,
    )
