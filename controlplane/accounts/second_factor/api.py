"""Second factors in the REST API, for sessions only: tokens can't manage them. Passkeys are added on the page."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Status

from controlplane.accounts import schemas
from controlplane.accounts.managing import managed_person
from controlplane.accounts.models import User
from controlplane.accounts.requests import current_user, person_in_session
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor.factors import (
    Factor,
    Readable,
    recovery_codes_left,
    second_factor_required,
    second_factors_of,
)
from controlplane.accounts.second_factor.services import (
    passkey_rename,
    person_verify,
    recovery_codes_create,
    second_factor_remove,
    second_factor_reset,
    totp_add,
    totp_begin,
)

router = Router()


def _all_of(person: User, session: Readable | None = None) -> dict[str, Any]:
    return {
        "items": second_factors_of(person),
        "recovery_codes_left": recovery_codes_left(person),
        "required": second_factor_required(person, session),
    }


@router.post(
    "/me/verification",
    response={204: None},
    summary="Verify your identity with a password or code before a change (session only)",
)
def verify(request: HttpRequest, wanted: schemas.VerificationIn) -> Status[None]:
    person_verify(request, actor=current_user(request), password=wanted.password, code=wanted.code)
    return Status(204, None)


@router.get("/me/second-factors", response=schemas.Factors, summary="List your second factors (session only)")
def my_second_factors(request: HttpRequest) -> dict[str, Any]:
    return _all_of(person_in_session(request, to="Listing second factors"), request.session)


@router.post(
    "/me/second-factors/totp/key",
    response={201: schemas.TotpKey},
    summary="Create a key for an authenticator app (session only, verified)",
)
def draw_totp_key(request: HttpRequest) -> Status[Any]:
    key, uri = totp_begin(request, actor=current_user(request), again=True)
    return Status(201, {"key": key, "uri": uri})


@router.post(
    "/me/second-factors/totp",
    response={201: schemas.FactorMade},
    summary="Add the authenticator app with a code (session only, verified)",
)
def add_totp(request: HttpRequest, wanted: schemas.CodeIn) -> Status[Any]:
    factor, codes = totp_add(request, actor=current_user(request), code=wanted.code)
    return Status(201, {**schemas.FactorOut.from_orm(factor).dict(), "recovery_codes": codes})


@router.patch(
    "/me/second-factors/{factor_id}",
    response=schemas.FactorOut,
    summary="Rename one of your passkeys (session only, verified)",
)
def rename_factor(request: HttpRequest, factor_id: int, wanted: schemas.FactorPatch) -> Factor:
    person = person_in_session(request, to="Renaming a passkey")
    return passkey_rename(request, actor=person, factor_id=factor_id, name=wanted.name)


@router.delete(
    "/me/second-factors/{factor_id}",
    response={204: None},
    summary="Remove one of your second factors (session only, verified)",
)
def remove_factor(request: HttpRequest, factor_id: int) -> Status[None]:
    person = person_in_session(request, to="Removing a second factor")
    second_factor_remove(request, actor=person, factor_id=factor_id)
    return Status(204, None)


@router.post(
    "/me/recovery-codes",
    response={201: schemas.RecoveryCodes},
    summary="Create new recovery codes (session only, verified); only this response contains them",
)
def create_recovery_codes(request: HttpRequest) -> Status[Any]:
    return Status(201, {"recovery_codes": recovery_codes_create(request, actor=current_user(request))})


@router.get(
    "/people/{username}/second-factors",
    response=schemas.Factors,
    summary="List the second factors of a user (admins, session only)",
)
def list_second_factors_of(request: HttpRequest, username: str) -> dict[str, Any]:
    person_in_session(request, Role.ADMIN, to="Listing second factors")
    return _all_of(get_object_or_404(User, username=username))


@router.delete(
    "/people/{username}/second-factors",
    response={204: None},
    summary="Reset the second factors of a user and end the user's sessions (admins, session only)",
)
def reset_second_factors_of(request: HttpRequest, username: str) -> Status[None]:
    person = managed_person(request, username, action="second-factor.reset")
    second_factor_reset(actor=current_user(request), person=person)
    return Status(204, None)
