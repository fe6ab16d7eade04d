{#- A count of ticks or size units times its step, exact: DECIMAL(38, 12). BIGINT needs 19 digits; at 18 DuckDB
    would compute in DECIMAL(18, 12) and overflow. -#}
{% macro exact(count, step) -%}
    {{ count }}::decimal(20, 0) * {{ step }}
{%- endmacro %}

{#- UTC nanoseconds as a timestamp; 0 means that the venue did not say. -#}
{% macro at(ts_ns) -%}
    make_timestamp_ns(nullif({{ ts_ns }}, 0))
{%- endmacro %}

{#- The instrument's row that held at a receive time, by the intervals of stg_instruments. -#}
{% macro join_instruments(rows, ts_ns) -%}
    inner join instruments
        on {{ rows }}.instrument_id = instruments.instrument_id
        and {{ rows }}.{{ ts_ns }} >= instruments.held_from_ns
        and {{ rows }}.{{ ts_ns }} < instruments.held_to_ns
{%- endmacro %}
