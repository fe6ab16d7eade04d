with instruments as (

    select * from {{ ref('stg_instruments') }}

),

source as (

    select
        *,
        venue || ':' || instrument as instrument_id
    from {{ source('lake', 'quotes') }}

),

renamed as (

    select
        -- ids
        source.instrument_id || '/' || source.run || '/' || source.seq as quote_key,
        source.instrument_id,
        source.venue,
        source.run,
        source.seq,
        source.update_id,

        -- numerics
        {{ exact('source.bid_price_ticks', 'instruments.tick') }} as bid_price,
        {{ exact('source.bid_size_units', 'instruments.size_unit') }} as bid_size,
        {{ exact('source.ask_price_ticks', 'instruments.tick') }} as ask_price,
        {{ exact('source.ask_size_units', 'instruments.size_unit') }} as ask_size,
        source.ask_price_ticks - source.bid_price_ticks as spread_ticks,

        -- timestamps
        source.ts_recv_ns,
        source.ts_event_ns,
        {{ at('source.ts_recv_ns') }} as received_at
    from source
    {{ join_instruments('source', 'ts_recv_ns') }}

)

select * from renamed
