with quotes as (

    select * from {{ ref('stg_quotes') }}

),

by_minute as (

    select
        instrument_id,
        time_bucket(interval '1 minute', received_at::timestamp) as minute_at,
        arg_max(bid_price, (ts_recv_ns, seq)) as close_bid_price,
        arg_max(ask_price, (ts_recv_ns, seq)) as close_ask_price,
        avg(spread_ticks) as spread_ticks_mean,
        count(*) as quote_count
    from quotes
    group by instrument_id, minute_at

)

select * from by_minute
