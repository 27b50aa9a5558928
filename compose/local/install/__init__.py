"""What a new machine lacks and no system package is needed for: Python environments, Java archives, browser code."""
