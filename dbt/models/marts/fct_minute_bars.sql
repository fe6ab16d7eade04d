with trades as (

    select * from {{ ref('int_trades_by_minute') }}

),

quotes as (

    select * from {{ ref('int_quotes_by_minute') }}

),

joined as (

    select
        -- ids
        coalesce(trades.instrument_id, quotes.instrument_id) as instrument_id,

        -- numerics
        trades.open_price,
        trades.high_price,
        trades.low_price,
        trades.close_price,
        coalesce(trades.volume, 0) as volume,
        coalesce(trades.bought_volume, 0) as bought_volume,
        coalesce(trades.turnover_quote, 0) as turnover_quote,
        trades.turnover_quote / trades.volume::double as vwap,
        coalesce(trades.trade_count, 0) as trade_count,
        quotes.close_bid_price,
        quotes.close_ask_price,
        quotes.spread_ticks_mean,
        coalesce(quotes.quote_count, 0) as quote_count,

        -- timestamps
        coalesce(trades.minute_at, quotes.minute_at) as minute_at
    from trades
    full outer join quotes
        on
            trades.instrument_id = quotes.instrument_id
            and trades.minute_at = quotes.minute_at

)

select
    instrument_id || '/' || minute_at as minute_bar_id,
    *
from joined
