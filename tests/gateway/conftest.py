"""What the gateway stands before."""

from tests.gateway.visiting import known as known
from tests.gateway.visiting import place as place
