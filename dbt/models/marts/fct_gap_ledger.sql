with gaps as (

    select * from {{ ref('stg_gaps') }}

),

synced as (

    select
        instrument_id,
        ts_recv_ns
    from {{ ref('stg_feed_events') }}
    where state_to = 'synced'

),

-- An open gap masks until its instrument is synchronised again, by a later run say.
resynced as (

    select
        gaps.gap_key,
        min(synced.ts_recv_ns) as ts_synced_ns
    from gaps
    inner join synced
        on
            gaps.instrument_id = synced.instrument_id
            and gaps.ts_from_ns < synced.ts_recv_ns
    where not gaps.is_closed
    group by gaps.gap_key

),

joined as (

    select
        -- ids
        gaps.gap_key,
        gaps.instrument_id,
        gaps.run,

        -- texts
        gaps.stream,
        gaps.cause,
        gaps.repaired_by,

        -- numerics
        gaps.is_feed_gap,
        gaps.is_closed,
        gaps.sequence_from,
        gaps.sequence_to,
        gaps.levels_touched,
        gaps.duration_ns / 1e9 as duration_seconds,

        -- timestamps
        gaps.began_at,
        gaps.ended_at,
        gaps.ts_from_ns,
        case when gaps.is_closed then gaps.ts_to_ns else resynced.ts_synced_ns end as ts_masked_to_ns
    from gaps
    left join resynced using (gap_key)

)

select * from joined
