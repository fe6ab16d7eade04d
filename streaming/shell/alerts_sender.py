"""Messages to people's addresses, through apprise: chat, mail, pager, whatever it knows. Blocks; call it in a thread.

Addresses are secrets. What is told of a failure is apprise's own words without any part of the address.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from apprise import Apprise, AppriseAsset, AppriseResult, NotifyFormat, NotifyType
from pydantic import SecretStr

from streaming.alerts.message import body_of, kind_of, title_of
from streaming.alerts.post import Delivery
from streaming.errors import SettingsError

APP_NAME: Final = "order books"
SECRET_SIGNS_MIN: Final = 3
"""Shorter parts of an address are no secrets, and stand in too many words."""
PROBLEM_SIGNS_MAX: Final = 300
KINDS: Final = {
    "info": NotifyType.INFO,
    "success": NotifyType.SUCCESS,
    "warning": NotifyType.WARNING,
    "failure": NotifyType.FAILURE,
}


class Sender:
    """Holds the services of all addresses. Its methods may be called by several threads, each for another address."""

    def __init__(self, urls: Mapping[str, SecretStr], send_s_max: float) -> None:
        """SettingsError names the address that apprise does not understand, without showing it."""
        # What apprise logs is told by its results; printed by itself it may hold parts of addresses.
        logging.getLogger("apprise").addHandler(logging.NullHandler())
        logging.getLogger("apprise").propagate = False
        self._send_s_max = send_s_max
        self._urls = dict(urls)
        with warnings.catch_warnings():  # apprise's plugins name modules that later Pythons do not have
            warnings.simplefilter("ignore", DeprecationWarning)
            self._services = {name: self._service(name, url) for name, url in urls.items()}

    @property
    def services(self) -> dict[str, str]:
        """What kind of service each address is, such as `E-Mail`."""
        return {name: ", ".join(str(item.service_name) for item in found) for name, found in self._services.items()}

    def send(self, delivery: Delivery) -> str:
        """Send one message; return what was wrong, empty when it was taken."""
        return self.send_text(delivery.route, title_of(delivery), body_of(delivery), kind_of(delivery))

    def send_text(self, name: str, title: str, body: str, kind: str = "info") -> str:
        """Send words to the address called `name`; as `send`."""
        try:
            result = self._services[name].notify(
                body=body,
                title=title,
                notify_type=KINDS[kind],
                body_format=NotifyFormat.TEXT,
                timeout=self._send_s_max,
            )
        except Exception as error:  # of whatever plugin: an address that fails must not silence the others
            return self._cleaned(name, f"{type(error).__name__}: {error}")
        return "" if result else self._cleaned(name, _problem(result))

    def _service(self, name: str, url: SecretStr) -> Apprise:
        asset = AppriseAsset(app_id=APP_NAME, app_desc=APP_NAME, service_timeout=self._send_s_max, http_redirects=False)
        service = Apprise(asset=asset)
        if not service.add(url.get_secret_value()) or len(service) == 0:
            problem = "apprise does not understand this address (not shown: it may hold a password)"
            key = f"streaming.alerts.urls.{name}"
            raise SettingsError("alerts", key, f"{problem}; docs/alerts.md has examples")
        return service

    def _cleaned(self, name: str, text: str) -> str:
        for secret in sorted(set(_secrets(self._urls[name].get_secret_value())), key=len, reverse=True):
            text = text.replace(secret, "***")
        return " ".join(text.split())[:PROBLEM_SIGNS_MAX]


def _problem(result: AppriseResult) -> str:
    told = [str(entry.message) for entry in result.logs()]
    return f"{result.status.name.lower()}: {told[-1] if told else 'apprise gave no reason'}"


def _secrets(url: str) -> Iterator[str]:
    """Yield the parts of an address that may be secret: all but its scheme, host and port."""
    yield url
    parts = urlsplit(url)
    user, password = parts.username or "", parts.password or ""
    words = [user, password, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    for word in (*words, *(unquote(word) for word in words)):
        if len(word) >= SECRET_SIGNS_MIN:
            yield word
