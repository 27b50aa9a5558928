"""Valid JSON responses for all values: NaN and the infinities, which JSON does not support, become null."""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import JsonResponse
from ninja.renderers import JSONRenderer
from ninja.responses import NinjaJSONEncoder

from controlplane.web.values import finite


class _Encoder(NinjaJSONEncoder):
    """The API's encoder, with null for non-finite numbers."""

    def encode(self, o: Any) -> str:
        return super().encode(finite(o))


class ApiRenderer(JSONRenderer):
    """Renders the responses of the API."""

    encoder_class = _Encoder


class _PageEncoder(DjangoJSONEncoder):
    def encode(self, o: Any) -> str:
        return super().encode(finite(o))


class ChartResponse(JsonResponse):
    """The series of a chart. A non-finite value becomes null, which is a gap."""

    def __init__(self, data: Any) -> None:
        super().__init__(data, encoder=_PageEncoder)
