with source as (

    select * from {{ source('lake', 'rejects') }}

),

renamed as (

    select
        -- ids
        venue || '/' || run || '/' || seq || '/' || code as reject_key,
        venue,
        run,
        seq,
        connection_id,

        -- texts
        code,
        text as reason,

        -- timestamps
        date,
        hour,
        ts_ns,
        {{ at('ts_ns') }} as received_at
    from source

)

select * from renamed
