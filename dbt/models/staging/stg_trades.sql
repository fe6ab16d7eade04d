with instruments as (

    select * from {{ ref('stg_instruments') }}

),

source as (

    select
        *,
        venue || ':' || instrument as instrument_id
    from {{ source('lake', 'trades') }}

),

renamed as (

    select
        -- ids
        source.instrument_id || '/' || source.run || '/' || source.seq || '/' || source.trade_id as trade_key,
        source.instrument_id,
        source.venue,
        source.run,
        source.seq,
        source.trade_id,

        -- texts
        source.aggressor_side_name as aggressor_side,

        -- numerics
        source.price_ticks,
        source.size_units,
        instruments.tick,
        instruments.size_unit,
        {{ exact('source.price_ticks', 'instruments.tick') }} as price,
        {{ exact('source.size_units', 'instruments.size_unit') }} as size,
        source.is_aggregate,

        -- timestamps
        source.ts_recv_ns,
        source.ts_event_ns,
        {{ at('source.ts_recv_ns') }} as received_at,
        {{ at('source.ts_event_ns') }} as event_at
    from source
    {{ join_instruments('source', 'ts_recv_ns') }}

)

select * from renamed
