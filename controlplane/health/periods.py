"""How often each part is looked at. It knows no model: Celery's beat reads it before Django is set up."""

from django.conf import settings

# Part: seconds between two looks.
PERIODS: dict[str, float] = {
    "postgres": 15.0,
    "kafka": 5.0,
    "spark": 5.0,
    "stream": 5.0,
    "airflow": 10.0,
    "bi": 10.0,
    "lake": 5.0,
    **({"storage": 5.0} if settings.OBJECT_STORE else {}),
}
