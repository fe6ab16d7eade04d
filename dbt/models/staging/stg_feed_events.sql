with source as (

    select * from {{ source('lake', 'feed_events') }}

),

renamed as (

    select
        -- ids
        venue || ':' || instrument as instrument_id,
        venue,
        run,
        seq,

        -- texts
        state_from_name as state_from,
        state_to_name as state_to,
        trigger_name as trigger,

        -- timestamps
        date,
        hour,
        ts_recv_ns,
        {{ at('ts_recv_ns') }} as received_at
    from source

)

select * from renamed
