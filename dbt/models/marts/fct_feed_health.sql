with activity as (

    select * from {{ ref('int_activity_by_hour') }}

),

rejects as (

    select
        venue,
        time_bucket(interval '1 hour', received_at::timestamp) as hour_at,
        count(*) as reject_count
    from {{ ref('stg_rejects') }}
    group by venue, hour_at

),

joined as (

    select
        -- ids
        activity.instrument_id || '/' || activity.hour_at as feed_health_id,
        activity.instrument_id,
        split_part(activity.instrument_id, ':', 1) as venue,

        -- numerics
        activity.trade_count,
        activity.quote_count,
        activity.feed_event_count,
        activity.sync_count,
        activity.feed_gap_count,
        activity.not_recorded_count,
        activity.open_gap_count,
        activity.feed_gap_seconds,
        coalesce(rejects.reject_count, 0) as venue_reject_count,
        activity.latency_ms_p50,
        activity.latency_ms_p99,

        -- texts
        activity.last_state,

        -- timestamps
        activity.hour_at
    from activity
    left join rejects
        on
            split_part(activity.instrument_id, ':', 1) = rejects.venue
            and activity.hour_at = rejects.hour_at

)

select * from joined
