"""Observations and measurements are of the room `health`. Their tables stay and get its name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("overview", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AlterModelTable("Observation", "health_observation"),
                migrations.AlterModelTable("Measurement", "health_measurement"),
            ],
            state_operations=[migrations.DeleteModel("Observation"), migrations.DeleteModel("Measurement")],
        )
    ]
