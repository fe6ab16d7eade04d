{#- Every row satisfies `expression`; null counts as false. -#}
{% test is_true(model, expression, column_name=none) %}
select *
from {{ model }}
where not coalesce({{ expression }}, false)
{% endtest %}
