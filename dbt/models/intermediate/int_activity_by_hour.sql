with trades as (

    select
        instrument_id,
        time_bucket(interval '1 hour', received_at::timestamp) as hour_at,
        count(*) as trade_count,
        quantile_cont(ts_recv_ns - ts_event_ns, 0.5) filter (where ts_event_ns > 0) / 1e6 as latency_ms_p50,
        quantile_cont(ts_recv_ns - ts_event_ns, 0.99) filter (where ts_event_ns > 0) / 1e6 as latency_ms_p99
    from {{ ref('stg_trades') }}
    group by instrument_id, hour_at

),

quotes as (

    select
        instrument_id,
        time_bucket(interval '1 hour', received_at::timestamp) as hour_at,
        count(*) as quote_count
    from {{ ref('stg_quotes') }}
    group by instrument_id, hour_at

),

feed_events as (

    select
        instrument_id,
        time_bucket(interval '1 hour', received_at::timestamp) as hour_at,
        count(*) as feed_event_count,
        count(*) filter (where state_to = 'synced') as sync_count,
        arg_max(state_to, (ts_recv_ns, seq)) as last_state
    from {{ ref('stg_feed_events') }}
    group by instrument_id, hour_at

),

gaps as (

    select
        instrument_id,
        time_bucket(interval '1 hour', began_at::timestamp) as hour_at,
        count(*) filter (where is_feed_gap) as feed_gap_count,
        count(*) filter (where not is_feed_gap) as not_recorded_count,
        count(*) filter (where not is_closed) as open_gap_count,
        coalesce(sum(duration_ns) filter (where is_feed_gap), 0) / 1e9 as feed_gap_seconds
    from {{ ref('stg_gaps') }}
    group by instrument_id, hour_at

),

hours as (

    select
        instrument_id,
        hour_at
    from trades
    union
    select
        instrument_id,
        hour_at
    from quotes
    union
    select
        instrument_id,
        hour_at
    from feed_events
    union
    select
        instrument_id,
        hour_at
    from gaps

),

joined as (

    select
        hours.instrument_id,
        hours.hour_at,
        coalesce(trades.trade_count, 0) as trade_count,
        coalesce(quotes.quote_count, 0) as quote_count,
        coalesce(feed_events.feed_event_count, 0) as feed_event_count,
        coalesce(feed_events.sync_count, 0) as sync_count,
        feed_events.last_state,
        coalesce(gaps.feed_gap_count, 0) as feed_gap_count,
        coalesce(gaps.not_recorded_count, 0) as not_recorded_count,
        coalesce(gaps.open_gap_count, 0) as open_gap_count,
        coalesce(gaps.feed_gap_seconds, 0) as feed_gap_seconds,
        trades.latency_ms_p50,
        trades.latency_ms_p99
    from hours
    left join trades using (instrument_id, hour_at)
    left join quotes using (instrument_id, hour_at)
    left join feed_events using (instrument_id, hour_at)
    left join gaps using (instrument_id, hour_at)

)

select * from joined
