"""lake.gold.user_sessions: one row a shopping session."""
