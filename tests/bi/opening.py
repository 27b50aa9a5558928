"""Opens a dashboard as Streamlit runs it, and reads what it shows."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "bi" / "app.py"


def opened(name: str = "hourly_sales", **address: str) -> AppTest:
    """The page as someone sees it who opens it with this query in the address."""
    page = AppTest.from_file(str(APP), default_timeout=120).run()
    page.switch_page(f"screens/{name}.py")
    for field, value in address.items():
        page.query_params[field] = value
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.info, page.error, page.warning, page.caption)
    return "\n".join(str(one.value) for kind in kinds for one in kind)
