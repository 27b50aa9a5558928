"""The models of the tables that `overview` handed over (its migration 0002)."""

from django.db import migrations, models

STATES = [("up", "Up"), ("degraded", "Degraded"), ("down", "Down"), ("unknown", "Unknown")]


class Migration(migrations.Migration):
    initial = True

    dependencies = [("overview", "0002_moved_to_health")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Observation",
                    fields=[
                        ("part", models.CharField(max_length=32, primary_key=True, serialize=False)),
                        ("state", models.CharField(choices=STATES, max_length=16)),
                        ("summary", models.CharField(max_length=300)),
                        ("detail", models.JSONField(default=dict)),
                        ("observed_at", models.DateTimeField()),
                        ("changed_at", models.DateTimeField(help_text="Since when the state has been what it is.")),
                    ],
                ),
                migrations.CreateModel(
                    name="Measurement",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=64)),
                        ("at", models.DateTimeField()),
                        ("value", models.FloatField()),
                    ],
                    options={"indexes": [models.Index(fields=["name", "at"], name="health_meas_name_b50114_idx")]},
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "ALTER INDEX overview_me_name_71a852_idx RENAME TO health_meas_name_b50114_idx",
                    "ALTER INDEX health_meas_name_b50114_idx RENAME TO overview_me_name_71a852_idx",
                )
            ],
        )
    ]
