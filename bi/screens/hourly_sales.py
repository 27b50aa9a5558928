"""The page of lake.gold.hourly_sales."""

from bi import page
from bi.views.hourly_sales import show

page.view("Hourly sales", "gold.hourly_sales", show)
