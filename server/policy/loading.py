"""Reading packs from their TOML files, and refusing what is wrong with the file and key named.

Not here: which company uses which pack (`queries`), what the rules decide (`rules`).
"""

from __future__ import annotations

import hashlib
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from server.policy.wire import (
    FACT_NAMES,
    CallKind,
    Cause,
    ClassRule,
    Clause,
    DispatchRules,
    IncidentClass,
    Pack,
    PackHead,
    SafetyScript,
)
from server.policy.wire_papers import (
    BusinessHours,
    CallBackRules,
    Channel,
    CompanyRole,
    DeferralRules,
    Document,
    FeeRule,
    Form,
    NoticeRule,
    OrderNeeds,
    QuietHours,
    Ratio,
    ServiceHours,
)
from server.policy.wire_processes import CustomerClass, Process

PACKS_FOLDER = Path(__file__).parent / "packs"
"""The packs shipped with the program."""

HEAD_FILE = "pack.toml"
BODY_FILES = (
    "classes.toml",
    "clauses.toml",
    "dispatch.toml",
    "safety_script.toml",
    "clauses_cases.toml",
    "customers.toml",
    "roles.toml",
    "channels.toml",
    "documents.toml",
    "forms.toml",
    "fees.toml",
    "notices.toml",
    "hours.toml",
    "ratios.toml",
    "orders.toml",
)
"""A pack that extends another may leave out any of these."""

FLAT_TABLE = "timing"
"""dispatch.toml's table of single numbers; its keys are fields of `DispatchRules` itself."""

T = TypeVar("T")


class PackError(ValueError):
    """A pack that may not be used. `file` and `key` say where; the text says why."""

    def __init__(self, file: str, key: str, why: str) -> None:
        super().__init__(f"{file}: {key}: {why}" if key else f"{file}: {why}")
        self.file = file
        self.key = key
        self.why = why


class _ClausesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    clauses: tuple[Clause, ...]
    causes: tuple[Cause, ...] = ()


class _CustomersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    classes: tuple[CustomerClass, ...]


class _RolesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    roles: tuple[CompanyRole, ...]


class _ChannelsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channels: tuple[Channel, ...]


class _DocumentsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    documents: tuple[Document, ...]
    deferrals: DeferralRules


class _FormsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    forms: tuple[Form, ...]


class _FeesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fees: tuple[FeeRule, ...] = ()


class _NoticesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    notices: tuple[NoticeRule, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()


class _HoursFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    business: BusinessHours
    service: tuple[ServiceHours, ...]


class _RatiosFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ratios: tuple[Ratio, ...]
    call_backs: CallBackRules


class _OrdersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    needs: dict[str, OrderNeeds]


class _ClassesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: tuple[ClassRule, ...]


@lru_cache(maxsize=64)
def load_pack(name: str, folder: Path = PACKS_FOLDER) -> Pack:
    """The pack called `name` from `folder`, validated and cached for the life of the process.

    Raises PackError naming file and key: missing or unreadable file, unknown or missing key, wrong
    type, unknown fact, duplicate id, an exemption without its cause, a class without requirements,
    a kind of call no rule decides, a number without a source.
    """
    files = _files_of(name, folder)
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.encode() + b"\0" + files[file].read_bytes() + b"\0")
    head = _convert(files[HEAD_FILE], _read(files[HEAD_FILE]), PackHead, folder)
    if head.name != name:
        raise PackError(_shown(files[HEAD_FILE], folder), "name", f"must be {name!r}")
    clauses = _convert(files["clauses.toml"], _read(files["clauses.toml"]), _ClausesFile, folder)
    classes = _convert(files["classes.toml"], _read(files["classes.toml"]), _ClassesFile, folder)
    script_file = files["safety_script.toml"]
    script = _convert(script_file, _read(script_file), SafetyScript, folder)
    dispatch_file = files["dispatch.toml"]
    numbers, sources = _take_sources(_read(dispatch_file), _shown(dispatch_file, folder))
    numbers.update(numbers.pop(FLAT_TABLE, {}))
    dispatch = _convert(dispatch_file, numbers, DispatchRules, folder)

    def body(file: str, kind: type[T]) -> T:
        return _convert(files[file], _read(files[file]), kind, folder)

    for_cases = body("clauses_cases.toml", _ClausesFile)
    documents = body("documents.toml", _DocumentsFile)
    notices = body("notices.toml", _NoticesFile)
    hours = body("hours.toml", _HoursFile)
    ratios = body("ratios.toml", _RatiosFile)
    pack = Pack(
        head=head,
        version=f"{name}@{head.edition}+{digest.hexdigest()[:8]}",
        class_rules=classes.rules,
        clauses=clauses.clauses + for_cases.clauses,
        causes=clauses.causes + for_cases.causes,
        safety_script=script,
        dispatch=dispatch,
        customer_classes=body("customers.toml", _CustomersFile).classes,
        processes=tuple(
            _convert(path, _read(path), Process, folder) for path in _processes_of(name, folder)
        ),
        roles=body("roles.toml", _RolesFile).roles,
        channels=body("channels.toml", _ChannelsFile).channels,
        documents=documents.documents,
        forms=body("forms.toml", _FormsFile).forms,
        templates=_templates_of(name, folder),
        fees=body("fees.toml", _FeesFile).fees,
        notices=notices.notices,
        quiet_hours=notices.quiet_hours,
        service_hours=hours.service,
        business_hours=hours.business,
        ratios=ratios.ratios,
        call_backs=ratios.call_backs,
        deferrals=documents.deferrals,
        order_needs=body("orders.toml", _OrdersFile).needs,
        sources=sources,
    )
    _check_clauses(pack, _shown(files["clauses.toml"], folder))
    _check_classes(pack, _shown(files["classes.toml"], folder))
    _check_script(pack, _shown(script_file, folder))
    for class_ in IncidentClass:
        if class_ not in dispatch.required:
            raise PackError(_shown(dispatch_file, folder), f"required.{class_}", "is missing")
    return pack


def shipped_packs(folder: Path = PACKS_FOLDER) -> tuple[str, ...]:
    """Names of the packs in `folder`, sorted."""
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{HEAD_FILE}")))


def _files_of(name: str, folder: Path, heirs: tuple[str, ...] = ()) -> dict[str, Path]:
    """Where each file of the pack is, following `extends`."""
    head_path = folder / name / HEAD_FILE
    if not head_path.is_file():
        raise PackError(f"{name}/{HEAD_FILE}", "", "there is no such pack")
    head = _convert(head_path, _read(head_path), PackHead, folder)
    files = {HEAD_FILE: head_path}
    parent: dict[str, Path] = {}
    if head.extends is not None:
        if head.extends in (*heirs, name):
            raise PackError(_shown(head_path, folder), "extends", "goes round in a circle")
        parent = _files_of(head.extends, folder, (*heirs, name))
    for file in BODY_FILES:
        own = folder / name / file
        if own.is_file():
            files[file] = own
        elif file in parent:
            files[file] = parent[file]
        else:
            raise PackError(f"{name}/{file}", "", "is missing and the pack extends no other")
    return files


def _lineage(name: str, folder: Path) -> list[Path]:
    """The pack's folder and those it extends, the eldest first (circles were refused before)."""
    line: list[Path] = []
    heir: str | None = name
    while heir is not None:
        line.insert(0, folder / heir)
        head_path = folder / heir / HEAD_FILE
        heir = _convert(head_path, _read(head_path), PackHead, folder).extends
    return line


def _processes_of(name: str, folder: Path) -> list[Path]:
    """One file per process; a pack's own replaces the one of the same name it would inherit."""
    found: dict[str, Path] = {}
    for pack in _lineage(name, folder):
        found.update({path.name: path for path in (pack / "processes").glob("*.toml")})
    return [found[file] for file in sorted(found)]


def _templates_of(name: str, folder: Path) -> dict[str, str]:
    """The HTML of each form, inherited like processes."""
    found: dict[str, str] = {}
    for pack in _lineage(name, folder):
        for path in (pack / "forms").glob("*.html"):
            found[path.stem] = path.read_text(encoding="utf-8")
    return found


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{path.parent.name}/{path.name}", "", str(error)) from error


def _convert(path: Path, raw: dict[str, Any], kind: type[T], folder: Path) -> T:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at `$")
        key = where.rstrip("`").lstrip(".")
        raise PackError(_shown(path, folder), key or "(top level)", why) from error


def _take_sources(
    raw: dict[str, Any], file: str, path: str = ""
) -> tuple[dict[str, Any], dict[str, str]]:
    """Replace every {value, source} by its value and collect the sources by dotted key.

    A bare number outside such a pair is refused: a limit nobody can trace is not policy. The
    `required` tables carry one source each and stay as they are.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, entry in raw.items():
        dotted = f"{path}.{key}" if path else key
        if dotted == "required":
            values[key] = entry
            continue
        if not isinstance(entry, dict):
            raise PackError(file, dotted, "needs { value = …, source = … }")
        if "value" in entry:
            source = entry.get("source")
            if set(entry) != {"value", "source"} or not isinstance(source, str) or not source:
                raise PackError(file, dotted, "needs exactly a value and a source")
            values[key] = entry["value"]
            sources[dotted] = source
        else:
            values[key], below = _take_sources(entry, file, dotted)
            sources.update(below)
    return values, sources


def _check_clauses(pack: Pack, file: str) -> None:
    seen: set[str] = set()
    causes = {cause.code for cause in pack.causes}
    for number, clause in enumerate(pack.clauses):
        key = f"clauses[{number}]"
        if clause.id in seen:
            raise PackError(file, f"{key}.id", f"{clause.id} is there twice")
        seen.add(clause.id)
        for code in clause.exemptions:
            if code not in causes:
                raise PackError(file, f"{key}.exemptions", f"no cause is called {code}")
        if clause.start == clause.what:
            raise PackError(file, f"{key}.start", "a clock cannot start with what stops it")
        if list(clause.warn_at_percent) != sorted(set(clause.warn_at_percent)):
            raise PackError(file, f"{key}.warn_at_percent", "marks must rise")


def _check_classes(pack: Pack, file: str) -> None:
    seen: set[str] = set()
    for number, rule in enumerate(pack.class_rules):
        if rule.id in seen:
            raise PackError(file, f"rules[{number}].id", f"{rule.id} is there twice")
        seen.add(rule.id)
        for name in ("any_of", "all_of", "none_of"):
            _check_facts(getattr(rule, name), file, f"rules[{number}].{name}")
    for kind in CallKind:
        if not any(
            kind in rule.kinds and not (rule.any_of or rule.all_of or rule.none_of)
            for rule in pack.class_rules
        ):
            raise PackError(file, "rules", f"no unconditional rule decides a {kind} call")


def _check_script(pack: Pack, file: str) -> None:
    seen: set[str] = set()
    for number, step in enumerate(pack.safety_script.steps):
        if step.key in seen:
            raise PackError(file, f"steps[{number}].key", f"{step.key} is there twice")
        seen.add(step.key)
        _check_facts(step.unless_facts, file, f"steps[{number}].unless_facts")


def _check_facts(names: tuple[str, ...], file: str, key: str) -> None:
    for name in names:
        if name not in FACT_NAMES:
            raise PackError(file, key, f"no fact is called {name}")
