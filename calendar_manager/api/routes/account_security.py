"""What a person looks after about their account: the password, the devices, what was done."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter

from calendar_manager.api.deps import AccountsDep, CurrentLogin, CurrentUser, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import TOO_MANY, describe_problem
from calendar_manager.api.schemas.account_security import AuditLineOut, PasswordIn, SessionOut

router = APIRouter(prefix="/api/auth", tags=["account"])


@router.post(
    "/password",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Change my password",
    responses={
        422: describe_problem(
            422,
            "validation_failed",
            "Some of the fields cannot be used.",
            ("current_password", "This is not your password."),
        ),
        429: TOO_MANY,
    },
)
def change_password(body: PasswordIn, login: CurrentLogin, accounts: AccountsDep) -> None:
    """Store a new password. Every other device is signed out; this session goes on."""
    accounts.password_change.change(login, current=body.current_password, new=body.new_password)


@router.get("/sessions", summary="List my signed-in devices")
def list_sessions(
    login: CurrentLogin, accounts: AccountsDep, page: PageParamsDep
) -> Page[SessionOut]:
    """List the sessions that let somebody in as me, the oldest first."""
    sessions = accounts.sessions.list(login.user.id, after=page.after, limit=page.fetch)
    return make_page(
        sessions,
        page,
        key=lambda session: (session.created_at, session.id),
        show=lambda session: SessionOut.of(session, current=login.session_id),
    )


@router.delete(
    "/sessions/{session_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Sign a device out",
    responses={404: describe_problem(404, "session_not_found", "There is no such session.")},
)
def end_session(session_id: UUID, user: CurrentUser, accounts: AccountsDep) -> None:
    """End a session: all of its tokens and its cookie stop working at once."""
    accounts.sessions.end(user.id, session_id)


@router.get("/audit", summary="List what was done with my account")
def list_audit(user: CurrentUser, services: ServicesDep, page: PageParamsDep) -> Page[AuditLineOut]:
    """List sign-ins, failed ones too, connects, disconnects, exports, deletions; the latest first.

    No line holds a name, an address or a title. The lines stay when everything else of a person
    is erased.
    """
    with services.store.begin() as uow:
        lines = uow.audit.list(user.id, after=page.after, limit=page.fetch)
    return make_page(lines, page, key=lambda line: (line.at, line.id), show=AuditLineOut.of)
