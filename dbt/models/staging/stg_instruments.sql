with source as (

    select * from {{ source('lake', 'instruments') }}

),

renamed as (

    select
        -- ids
        venue || ':' || instrument as instrument_id,
        venue,
        instrument as symbol,

        -- texts
        market_type,
        base as base_currency,
        quote as quote_currency,

        -- numerics
        tick,
        size_unit,
        lot,
        multiplier,
        maker_fee_bps,
        taker_fee_bps,

        -- timestamps
        valid_from_ns
    from source

),

-- The first version also holds for what was recorded before it.
intervals as (

    select
        *,
        case
            when lag(valid_from_ns) over (partition by instrument_id order by valid_from_ns) is null
                then 0
            else valid_from_ns
        end as held_from_ns,
        coalesce(
            lead(valid_from_ns) over (partition by instrument_id order by valid_from_ns), 9223372036854775807::bigint
        ) as held_to_ns
    from renamed

)

select
    *,
    instrument_id || '@' || valid_from_ns as instrument_version_id
from intervals
