"""How often each service is checked. Imports no models: Celery's beat reads this before Django is set up."""

from django.conf import settings

# Service: seconds between two checks.
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
