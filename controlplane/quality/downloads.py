"""The download of a validation's complete result document."""

from django.http import HttpResponse

from controlplane.errors import NotFoundError, UnreachableError
from controlplane.quality.documents import MAX_BYTES
from controlplane.quality.models import Validation
from controlplane.quality.ports import ArchiveUnreachableError, DocumentMissingError, DocumentUnreadableError
from controlplane.quality.providers import validation_archive


def document_response(validation: Validation) -> HttpResponse:
    """The unchanged document as an attachment.

    Raises:
        NotFoundError: the document is no longer in the warehouse, or can't be read there.
        UnreachableError: the warehouse does not respond.
    """
    try:
        content = validation_archive().read(validation.path, most=MAX_BYTES)
    except DocumentMissingError as error:
        raise NotFoundError(
            f"The document {validation.path} is no longer in the warehouse.", "See the stored results on its page."
        ) from error
    except DocumentUnreadableError as error:
        raise NotFoundError(f"{validation.path}: {error}", "See the stored results on its page.") from error
    except ArchiveUnreachableError as error:
        raise UnreachableError(str(error), "Check the status of the storage on the Overview page.") from error
    packed = validation.path.endswith(".gz")
    response = HttpResponse(content, content_type="application/gzip" if packed else "application/json")
    name = f"validation-{validation.pk}.json{'.gz' if packed else ''}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
