with source as (

    select * from {{ source('lake', 'gaps') }}

),

renamed as (

    select
        -- ids
        venue || ':' || instrument || '/' || run || '/' || cause_name || '/' || gap_id as gap_key,
        venue || ':' || instrument as instrument_id,
        venue,
        run,
        gap_id,

        -- texts
        stream,
        cause_name as cause,
        repaired_by_name as repaired_by,

        -- numerics
        sequence_from,
        sequence_to,
        levels_touched,
        is_closed,
        cause_name <> 'not_recorded' as is_feed_gap,
        case when is_closed then ts_to_ns - ts_from_ns end as duration_ns,

        -- timestamps
        date,
        hour,
        ts_from_ns,
        ts_to_ns,
        {{ at('ts_from_ns') }} as began_at,
        {{ at('ts_to_ns') }} as ended_at
    from source

)

select * from renamed
