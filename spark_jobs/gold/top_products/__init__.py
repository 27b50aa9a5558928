"""lake.gold.top_products: the best sellers of each day and currency."""
