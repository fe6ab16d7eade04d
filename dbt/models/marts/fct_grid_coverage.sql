with grid_rows as (

    select * from {{ ref('stg_grid') }}

),

by_hour as (

    select
        -- ids
        grid || '/' || instrument_id || '/' || (date + hour * interval '1 hour') as grid_coverage_id,
        grid,
        instrument_id,

        -- numerics
        count(*) as step_count,
        count(*) filter (where is_valid) as valid_count,
        count(*) filter (where is_valid) / count(*) as valid_share,
        count(*) filter (where is_first) as restart_count,
        avg(spread_ticks) filter (where is_valid) as spread_ticks_mean,
        quantile_cont(age_ms, 0.99) filter (where is_valid) as age_ms_p99,

        -- timestamps
        date + hour * interval '1 hour' as hour_at,
        min(step_at) as first_step_at,
        max(step_at) as last_step_at
    from grid_rows
    group by grid, instrument_id, date, hour

)

select * from by_hour
