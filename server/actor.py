"""Who acts: the identity every transaction, timeline entry and guard sees.

Not here: how an identity is proved (`server.access`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from uuid import UUID


class Role(StrEnum):
    """What a person may be in a company; one person may hold several."""

    DISPATCHER = "dispatcher"  # 调度员
    OPERATOR = "operator"  # 接警员
    CREW_MEMBER = "crew_member"  # 班组成员
    SUPERVISOR = "supervisor"  # 值班长
    ACCOUNT_MANAGER = "account_manager"  # 客户经理
    CONTRACTOR = "contractor"  # 施工单位
    ADMINISTRATOR = "administrator"  # 管理员
    AUDITOR = "auditor"  # 审计员


INSIDE = frozenset(
    {Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.AUDITOR}
)
"""Who reads every case of the company."""


def from_outside(roles: frozenset[Role]) -> bool:
    """True for somebody from outside: a contractor (or nobody) with no role of the company's own
    that reads cases."""
    return roles.isdisjoint(INSIDE)


@dataclass(frozen=True, slots=True)
class Actor:
    """A proved identity inside one company. `id` is the person's id, or the id of a platform's key
    (null for the system)."""

    company_id: UUID
    kind: Literal["person", "phone", "platform", "system"]
    name: str
    id: UUID | None = None
    roles: frozenset[Role] = field(default_factory=frozenset)
    phone_id: UUID | None = None
    session_id: UUID | None = None

    @property
    def principal(self) -> UUID:
        """Whose idempotency keys these are: the person, else the company.

        The person, not the phone: words that were answered just before a phone was revoked must
        not count again when the same outbox comes back through a new pairing.
        """
        return self.id or self.company_id

    @classmethod
    def system(cls, company_id: UUID, name: str = "system") -> Actor:
        """The system itself: the watch, an import, a drill's scenery."""
        return cls(company_id=company_id, kind="system", name=name)
