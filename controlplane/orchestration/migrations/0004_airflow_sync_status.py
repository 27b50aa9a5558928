from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orchestration', '0003_leases'),
    ]

    operations = [
        migrations.RenameModel(old_name='Mirror', new_name='AirflowSyncStatus'),
    ]
