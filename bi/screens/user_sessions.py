"""The page of lake.gold.user_sessions."""

from bi import page
from bi.views.user_sessions import show

page.view("User sessions", "gold.user_sessions", show)
