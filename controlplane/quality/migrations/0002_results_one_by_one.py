"""A suite may come to no result; and a time that no page can read is brought back into the calendar.

PostgreSQL keeps years beyond 9999 and before 1, which its driver refuses to read. Such rows came from documents with a
time near the ends of the calendar in a zone away from UTC.
"""

from django.db import migrations, models

_COLUMNS = (
    ("quality_validation", "started_at"),
    ("quality_validation", "finished_at"),
    ("quality_validation", "modified_at"),
    ("quality_unreadabledocument", "modified_at"),
)
_IN_CALENDAR = """
UPDATE {table} SET {column} = greatest(least({column}, '9999-12-31 23:59:59.999999+00'), '0001-01-01 00:00:00+00')
WHERE {column} > '9999-12-31 23:59:59.999999+00' OR {column} < '0001-01-01 00:00:00+00'
"""


class Migration(migrations.Migration):
    dependencies = [("quality", "0001_initial")]

    operations = [
        *(
            migrations.RunSQL(_IN_CALENDAR.format(table=table, column=column), migrations.RunSQL.noop)
            for table, column in _COLUMNS
        ),
        migrations.AlterField(
            model_name="validation",
            name="success",
            field=models.BooleanField(help_text="Null: the suite came to no result.", null=True),
        ),
    ]
