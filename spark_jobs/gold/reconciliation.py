"""The comparison of a gold table's money with silver's, as SQL for its gate."""

# `silver_revenue` is the gate's view of silver at the build's input snapshot.
REVENUE_DIFFERS = """
SELECT coalesce(gold.currency, silver.currency) AS currency, gold.revenue AS gold, silver.revenue AS silver
FROM (SELECT currency, sum(revenue) AS revenue FROM {batch} GROUP BY currency HAVING sum(revenue) <> 0) AS gold
FULL OUTER JOIN silver_revenue AS silver ON gold.currency = silver.currency
WHERE gold.revenue IS DISTINCT FROM silver.revenue
""".strip()
