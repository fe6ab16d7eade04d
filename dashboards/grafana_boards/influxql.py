"""Queries of panels, in InfluxQL, as Grafana keeps them. Names are those of docs/metrics.md.

Grafana puts its time range in for `$timeFilter`, the width of a pixel or so for `$__interval`, and the chosen session,
or `.*` for all, for `$run`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

SOURCE: Final = DataSourceRef(type_val="influxdb", uid="lob-influxdb")
"""As `provisioning/datasources/influxdb.yaml` has it."""
RUN: Final = '"run" =~ /^$run$/'


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What one query of a panel shows."""

    measurement: str
    expression: str
    """Of its fields, such as `last("pnl")`."""
    by: tuple[str, ...] = ()
    """Tags: one series of each of their values."""
    where: str = ""
    alias: str = ""
    """Name of a series; `$tag_venue` and the like stand for a tag's value."""
    is_of_run: bool = True
    """Of the chosen session; what has no session, such as a recorder, is not."""
    is_over_time: bool = True
    """A value each interval; else one value, of the whole time range."""

    def text(self) -> str:
        """Return the query."""
        conditions = [
            condition for condition in (RUN if self.is_of_run else "", self.where, "$timeFilter") if condition
        ]
        groups = [*(["time($__interval)"] if self.is_over_time else []), *(f'"{tag}"' for tag in self.by)]
        text = f'SELECT {self.expression} FROM "{self.measurement}" WHERE {" AND ".join(conditions)}'
        text += f" GROUP BY {', '.join(groups)}" if groups else ""
        return f"{text} fill(none)" if self.is_over_time else text

    def once(self) -> "Series":
        """Return it as one value of the whole time range."""
        return replace(self, is_over_time=False)


def last(measurement: str, field: str, *by: str, **words: str | bool) -> Series:
    """Return the newest value of a field in each interval."""
    return _series(measurement, f'last("{field}")', by, words)


def highest(measurement: str, field: str, *by: str, **words: str | bool) -> Series:
    """Return the largest value of a field in each interval."""
    return _series(measurement, f'max("{field}")', by, words)


def rate(measurement: str, field: str, *by: str, per: str = "1s", **words: str | bool) -> Series:
    """Return how fast a counter counts; where it began anew nothing is shown."""
    return _series(measurement, f'non_negative_derivative(last("{field}"), {per})', by, words)


def _series(measurement: str, expression: str, by: Sequence[str], words: dict[str, str | bool]) -> Series:
    return replace(Series(measurement=measurement, expression=expression, by=tuple(by)), **words)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class InfluxQuery(Dataquery):
    """A panel's query as Grafana's InfluxDB source keeps it."""

    series: Series
    ref_id: str
    is_table: bool = False

    def to_json(self) -> dict[str, object]:
        """Return it as Grafana's JSON."""
        return {
            "refId": self.ref_id,
            "datasource": SOURCE,
            "rawQuery": True,
            "query": self.series.text(),
            "resultFormat": "table" if self.is_table else "time_series",
            **({"alias": self.series.alias} if self.series.alias else {}),
        }


@dataclass(frozen=True, slots=True)
class InfluxTarget(Builder[Dataquery]):
    """What builds it."""

    query: InfluxQuery

    def build(self) -> Dataquery:
        """Return the query."""
        return self.query
