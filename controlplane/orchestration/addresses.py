"""The ids of runs and tasks in URLs, as `bi.addresses` writes them."""

from django.urls import register_converter

from bi.addresses import id_of, segment_of


class IdConverter:
    """A path segment that is an id: `<airflow_id:run_id>`."""

    regex = "[^/]+"

    def to_python(self, segment: str) -> str:
        """The id that a segment of an address stands for; `ValueError` if it stands for none."""
        return id_of(segment)

    def to_url(self, value: str) -> str:
        """The segment of an address for an id: the id itself, or `=` and its base64url form."""
        return segment_of(value)


register_converter(IdConverter, "airflow_id")
