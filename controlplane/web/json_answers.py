"""JSON answers are JSON whatever a row holds: NaN and the infinities, which JSON doesn't know, are null."""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import JsonResponse
from ninja.renderers import JSONRenderer
from ninja.responses import NinjaJSONEncoder

from controlplane.web.values import finite


class _Encoder(NinjaJSONEncoder):
    """The API's encoder, for finite numbers."""

    def encode(self, o: Any) -> str:
        return super().encode(finite(o))


class ApiRenderer(JSONRenderer):
    """Renders what the operations of the API answer."""

    encoder_class = _Encoder


class _PageEncoder(DjangoJSONEncoder):
    def encode(self, o: Any) -> str:
        return super().encode(finite(o))


class ChartResponse(JsonResponse):
    """The series of a chart. A point that is no finite number is null: a gap."""

    def __init__(self, data: Any) -> None:
        super().__init__(data, encoder=_PageEncoder)
