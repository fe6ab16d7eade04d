with versions as (

    select * from {{ ref('stg_instruments') }}

),

latest as (

    select
        instrument_id,
        venue,
        symbol,
        market_type,
        base_currency,
        quote_currency,
        tick,
        size_unit,
        lot,
        multiplier,
        maker_fee_bps,
        taker_fee_bps,
        {{ at('valid_from_ns') }} as valid_from_at,
        count(*) over (partition by instrument_id) as version_count
    from versions
    qualify row_number() over (partition by instrument_id order by valid_from_ns desc) = 1

)

select * from latest
