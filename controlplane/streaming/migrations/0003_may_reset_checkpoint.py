from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("streaming", "0002_topic_changes")]

    operations = [migrations.RenameField("stream", "may_start_anew", "may_reset_checkpoint")]
