"""Write the dashboards' JSON."""

from compose.monitoring.dashboards.all import FOLDER, documents


def main() -> None:
    """Write every dashboard, and remove those that are no longer made."""
    made = documents()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in {path.name for path in FOLDER.glob("*.json")} - set(made):
        (FOLDER / stale).unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
