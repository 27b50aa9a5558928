"""The page of lake.gold.top_products."""

from bi import page
from bi.views.top_products import show

page.view("Top products", "gold.top_products", show)
