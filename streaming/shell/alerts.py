"""`trader alerts run`: looks at the house twice a second, and tells people what is the matter, until told to end.

A process of its own: it outlives the trader, and tells of its death. Redis is heard and told where it is; without it
processes are asked over their sockets, reports come by the inbox, and people are told all the same. Under
`data/run/alerts.lock`; `data/run/alerts.sock` answers.

Each look: see, judge, change alerts, write them down, tell the bus, send. Messages go in threads, one an address: an
address that hangs holds up neither the others nor the next look.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from native.config import JsonObject
from streaming.alert_inbox import inbox_dir, remove, take_reports
from streaming.alerts.config import AlertSettings
from streaming.alerts.desk import AlertDesk
from streaming.alerts.looking import Look
from streaming.alerts.memory import Memory
from streaming.alerts.post import Delivery
from streaming.alerts.report import Report
from streaming.alerts.rules import blind_to, judge
from streaming.alerts.state import restore, state_to_json
from streaming.bus import EVENTS, TELEMETRY, VIEW, AlertNotice, ControlRequest, Telemetry, reply_to
from streaming.errors import BadDataError, UsageError
from streaming.lock import held
from streaming.settings import Settings
from streaming.shell.alerts_desk import AlertsAnswers
from streaming.shell.alerts_eyes import Eyes, Hearing
from streaming.shell.alerts_files import AlertFiles
from streaming.shell.alerts_names import LOCK_NAME, PROCESS, SOCKET_NAME
from streaming.shell.alerts_sender import Sender
from streaming.shell.bus_client import BusClient
from streaming.shell.control import ControlServer
from streaming.shell.inference import first_line
from streaming.shell.stop_signals import ended_by_signals
from warehouse.lake import Lake

WRITE_S: Final = 1.0
TELL_S: Final = 1.0
LAST_SEND_S: Final = 5.0
"""For messages under way at the end; what has not gone by then goes at the next start."""
TEST_TITLE: Final = "Test of alerts"
TEST_BODY: Final = "Somebody asked for this by: trader alerts test. Nothing is the matter."

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsSummary:
    """What was done."""

    looks: int
    alerts: int
    sent: int
    failed: int
    ended_by: str

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return {
            "looks": self.looks,
            "alerts": self.alerts,
            "sent": self.sent,
            "failed": self.failed,
            "ended_by": self.ended_by,
        }


def run_alerts(settings: Settings, progress: Progress, span_s: float | None = None) -> AlertsSummary:
    """Watch until told to end, or for a span, and return what was done.

    RefusedError when other alerts hold the lock, SettingsError for an address that nobody understands.
    """
    with held(settings.warehouse.run_dir / LOCK_NAME), asyncio.Runner() as runner:
        return runner.run(_run(settings, progress, span_s))


async def _run(settings: Settings, progress: Progress, span_s: float | None) -> AlertsSummary:
    return await _Alerts(settings, progress).run(span_s)


class _Alerts:
    """One process; lives inside the loop."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._config: AlertSettings = settings.streaming.alerts
        self._data_dir = settings.data_dir
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ended_by = ""
        self._sender = Sender(self._config.urls, self._config.send_s_max)
        self._threads = ThreadPoolExecutor(max(1, len(self._config.urls)), thread_name_prefix="alerts-send")
        self._sending: set[asyncio.Task[None]] = set()
        self._desk = AlertDesk(self._config)
        self._memory = Memory()
        self._files = AlertFiles(settings.data_dir, Lake(settings.lake_root))
        self._notices: list[AlertNotice] = []
        self._taken: set[Path] = set()
        """Reports in the inbox that were read and are not safe on disk yet."""
        self._is_changed = False
        hearing = Hearing()
        self._eyes = Eyes(self._config, settings.warehouse, hearing)
        run_dir, redis = settings.warehouse.run_dir, settings.streaming.redis
        ears = {TELEMETRY: hearing.hear_telemetry, EVENTS: hearing.hear_event, VIEW: hearing.hear_view}
        self._bus = None if redis.is_off else BusClient(redis, run_dir, PROCESS, self._hear_control, ears=ears)
        self._answers = AlertsAnswers(
            self._config, self._desk, time.time_ns, self._reading, self._begin_test, self._end
        )
        self._server = ControlServer(run_dir / SOCKET_NAME, self._answers.answer)
        self._begun_ns = time.time_ns()
        self._looks = self._alerts = 0
        self._look_problem = ""
        self._was_connected = False

    # --- life ---

    async def run(self, span_s: float | None) -> AlertsSummary:
        """Watch until the end; see `run_alerts`."""
        self._go_on()
        self._say_routes()
        with ended_by_signals(self._end):
            try:
                await self._server.start()
                if self._bus is not None:
                    self._bus.start()
                await self._turn(span_s)
            finally:
                await self._close()
        boxes = self._desk.post.boxes.values()
        return AlertsSummary(
            looks=self._looks,
            alerts=self._alerts,
            sent=sum(box.sent_count for box in boxes),
            failed=sum(box.failed_count for box in boxes),
            ended_by=self._ended_by,
        )

    def _go_on(self) -> None:
        """Take over what an earlier process remembered."""
        payload = self._files.read_state()
        if payload is None:
            return
        try:
            restore(self._desk, payload)
        except BadDataError as error:
            place = self._files.set_aside()
            self._progress(f"{error}; it is kept as {place}, and alerts begin anew")

    def _say_routes(self) -> None:
        for name in self._config.without_address:
            variable = f"LOB_STREAMING__ALERTS__URLS__{name.upper()}"
            self._progress(f"route {name} has no address: nobody is told by it; next: set {variable}")
        if not self._config.urls:
            self._progress("no address in streaming.alerts.urls: alerts stand in the history, and nobody is told")

    async def _turn(self, span_s: float | None) -> None:
        begun_s = self._loop.time()
        written_s = told_s = begun_s
        inbox_dir(self._data_dir).mkdir(parents=True, exist_ok=True)
        while not self._stop.is_set():
            if span_s is not None and self._loop.time() - begun_s >= span_s:
                self._end("its span is over")
                break
            await self._guarded_look()
            now_s = self._loop.time()
            if now_s - written_s >= WRITE_S:
                await self._write()
                written_s = now_s
            if now_s - told_s >= TELL_S:
                self._tell_status()
                told_s = now_s
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._config.look_ms / 1_000)

    async def _close(self) -> None:
        await self._server.close()
        if self._sending:
            await asyncio.wait(self._sending, timeout=LAST_SEND_S)
        self._note_changes()
        await self._write()
        if self._bus is not None:
            await asyncio.to_thread(self._bus.stop)
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- one look ---

    async def _guarded_look(self) -> None:
        """Look; what fails is told, and the next look comes: nobody watches the watch."""
        problem = ""
        try:
            await self._look()
        except Exception as error:
            problem = first_line(error)
        if problem and problem != self._look_problem:
            self._progress(f"a look failed, the next one comes: {problem}")
        self._look_problem = problem

    async def _look(self) -> None:
        """See, judge, and send what is due."""
        taken = await asyncio.to_thread(take_reports, self._data_dir, self._taken)
        reports = (*taken.reports, *(self._report_of(words) for words in taken.refused))
        now_ns = time.time_ns()
        sight = await asyncio.to_thread(self._eyes.look, now_ns, reports, self._bus_problem())
        look = Look(sight, self._memory, self._config)
        self._looks += 1
        begun = self._desk.see(judge(look), blind_to(look), now_ns)
        self._taken.update(taken.files)
        self._alerts += len(begun)
        for episode in begun:
            self._progress(f"{episode.severity.upper()}  {episode.title}: {episode.words}")
        self._note_changes()
        if taken.files:
            await self._write()  # a report is removed when it is safe, not a second later
        for delivery in self._desk.post.due(now_ns, lambda name: self._desk.silenced(name, now_ns)):
            task = self._loop.create_task(self._send(delivery))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def _note_changes(self) -> None:
        """Tell windows, and keep for the disk, how alerts stand that changed."""
        for notice in self._desk.take_notices(time.time_ns()):
            self._is_changed = True
            self._notices.append(notice)
            if self._bus is not None:
                self._bus.publish(notice)

    async def _write(self) -> None:
        """Write what changed; reports whose alerts are safe are removed from the inbox."""
        if not self._is_changed and not self._taken:
            return
        notices, taken, before = self._notices, set(self._taken), self._files.problem
        self._notices, self._is_changed = [], False
        if await asyncio.to_thread(self._files.write, state_to_json(self._desk), notices):
            await asyncio.to_thread(remove, taken)
            self._taken -= taken
            return
        self._is_changed = True
        if self._files.problem != before:
            self._progress(f"alerts cannot be written down, and are told all the same: {self._files.problem}")

    async def _send(self, delivery: Delivery) -> None:
        problem = await self._loop.run_in_executor(self._threads, self._sender.send, delivery)
        self._desk.post.done(delivery, problem, time.time_ns())
        self._is_changed = True
        if problem:
            self._progress(f"{delivery.route}: not sent: {problem}")

    def _report_of(self, words: str) -> Report:
        """Return what is told of a file in the inbox that is no report."""
        title = "A file in the alerts' inbox is no report"
        return Report(subject="inbox", title=title, words=words, ts_ns=time.time_ns())

    # --- what is told and asked ---

    def _tell_status(self) -> None:
        """Tell windows how we fare; a Redis that is new to us, how every alert stands: it may have forgotten."""
        if self._bus is not None:
            is_connected = self._bus.reading().is_connected
            if is_connected and not self._was_connected:
                for episode in reversed(self._desk.shown()):
                    self._bus.publish(episode.notice(time.time_ns(), self._desk.post.outcome(episode.id)))
            self._was_connected = is_connected
            body = self._answers.status()
            self._bus.publish(Telemetry(process=PROCESS, run="", mode="watch", ts_ns=time.time_ns(), body=body))

    def _bus_problem(self) -> str:
        reading = None if self._bus is None else self._bus.reading()
        if reading is None or reading.is_connected:
            return ""
        return reading.last_problem or "not connected yet"

    def _reading(self) -> JsonObject:
        return {
            "ts_begun_ns": self._begun_ns,
            "looks": self._looks,
            "look_ms": self._config.look_ms,
            "services": {**self._sender.services},
            "look_problem": self._look_problem,
            "history_problem": self._files.problem,
            "bus": None if self._bus is None else self._bus.reading().to_json(),
        }

    def _hear_control(self, asked: ControlRequest) -> None:
        """Answer a request that came over Redis; called in the bus's thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._reply, asked)

    def _reply(self, asked: ControlRequest) -> None:
        assert self._bus is not None, "it brought the request"
        self._bus.reply(reply_to(asked, lambda request: self._answers.answer({**request, "by": asked.by})))

    def _begin_test(self, route: str) -> list[str]:
        """Send test words to one address, or to all; return their names at once."""
        names = [name for name in self._config.urls if route in ("", name)]
        if not names:
            known = ", ".join(self._config.urls) or "none is configured in streaming.alerts.urls"
            raise UsageError(f"test: expected the name of an address: {known}; found {route or 'none'}")
        for name in names:
            task = self._loop.create_task(self._test(name))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return names

    async def _test(self, name: str) -> None:
        words = (name, TEST_TITLE, f"{TEST_BODY} (process {os.getpid()})")
        problem = await self._loop.run_in_executor(self._threads, self._sender.send_text, *words)
        self._progress(f"test: {name}: {problem or 'sent'}")
        if problem:
            self._desk.post.boxes[name].last_problem = problem

    def _end(self, why: str) -> None:
        self._ended_by = self._ended_by or why or "no reason was given"
        self._stop.set()
