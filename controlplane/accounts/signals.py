"""Signals about users for other apps."""

from django.dispatch import Signal

# Sent with `person` within the transaction that deactivates the person. A receiver ends what runs by itself in the
# person's name in its room, and gives how many of what there were: {"schedules_paused": 2}. An error undoes everything.
person_deactivated = Signal()
