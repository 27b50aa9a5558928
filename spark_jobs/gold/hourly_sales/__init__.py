"""lake.gold.hourly_sales: sales by hour, currency and category."""
