select airline,
       count(*)                                           as flights,
       count(*) filter (where cancelled)                  as cancelled,
       round(avg(dep_delay), 1)                           as mean_delay,
       round(100 * avg((dep_delay > 60)::int), 1)         as percent_over_1h
from processed_files
group by airline
having count(*) >= 100
order by mean_delay desc
limit 5
