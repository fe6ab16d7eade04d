-- Staging joins instruments: a row without one would vanish silently.
with counts as (

    select
        (select count(*) from {{ source('lake', 'trades') }}) as source_count,
        (select count(*) from {{ ref('stg_trades') }}) as staged_count
    union all
    select
        (select count(*) from {{ source('lake', 'quotes') }}) as source_count,
        (select count(*) from {{ ref('stg_quotes') }}) as staged_count

)

select *
from counts
where source_count <> staged_count
