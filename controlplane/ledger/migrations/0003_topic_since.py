from django.db import migrations


def keep_the_boundary(apps, schema_editor):
    """What bronze had when the topic was lost with an installation is told by its time now, and no longer as a number."""
    last = apps.get_model("ledger", "Restore").objects.filter(earlier_records__gt=0).order_by("-restored_at").first()
    if last is not None:
        apps.get_model("streaming", "Stream").objects.update(topic_since=last.restored_at)


class Migration(migrations.Migration):

    dependencies = [
        ("ledger", "0002_restore"),
        ("streaming", "0002_topic_changes"),
    ]

    operations = [
        migrations.RunPython(keep_the_boundary, migrations.RunPython.noop),
        migrations.RemoveField(model_name="restore", name="earlier_records"),
    ]
