with trades as (

    select * from {{ ref('stg_trades') }}

),

by_minute as (

    select
        instrument_id,
        time_bucket(interval '1 minute', received_at::timestamp) as minute_at,
        arg_min(price, (ts_recv_ns, seq, trade_id)) as open_price,
        max(price) as high_price,
        min(price) as low_price,
        arg_max(price, (ts_recv_ns, seq, trade_id)) as close_price,
        sum(size) as volume,
        coalesce(sum(size) filter (where aggressor_side = 'bid'), 0) as bought_volume,
        sum(price::double * size::double) as turnover_quote,
        count(*) as trade_count
    from trades
    group by instrument_id, minute_at

)

select * from by_minute
