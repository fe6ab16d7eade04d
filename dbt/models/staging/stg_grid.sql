with source as (

    select * from {{ source('lake', 'grid') }}

),

renamed as (

    select
        -- ids
        grid || '/' || ts_step_ns || '/' || slot as grid_row_key,
        grid,
        slot,
        venue || ':' || instrument as instrument_id,
        venue,

        -- numerics
        is_valid,
        is_first,
        ask_price_ticks_1 - bid_price_ticks_1 as spread_ticks,
        mid_return_bps,
        imbalance_l1,
        basis_bps,
        age_ms,

        -- timestamps
        date,
        hour,
        ts_step_ns,
        {{ at('ts_step_ns') }} as step_at
    from source

)

select * from renamed
