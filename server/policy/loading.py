"""Reading packs from their TOML texts, and refusing what is wrong with file, line and key named.

A pack is a set of texts by name (`clauses.toml`, `processes/P01.toml`, `forms/F-DISPATCH.html`),
whether they lie in a folder or in a stored edition. Not here: what the texts must agree on
(`checks`), which company uses which pack (`queries`), what the rules decide (`rules`).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from server.policy.checks import findings_in
from server.policy.files import (
    BODY_FILES,
    BODY_KINDS,
    HEAD_FILE,
    PROCESS_FILE,
    TEMPLATE_FILE,
    ChannelsFile,
    ClassesFile,
    ClausesFile,
    CustomersFile,
    DocumentsFile,
    FeesFile,
    FormsFile,
    HoursFile,
    NoticesFile,
    OrdersFile,
    RatiosFile,
    RolesFile,
)
from server.policy.finding import Finding
from server.policy.toml_lines import locate
from server.policy.wire import DispatchRules, Pack, PackHead, SafetyScript
from server.policy.wire_processes import Process

PACKS_FOLDER = Path(__file__).parent / "packs"
"""The packs shipped with the program. A pack elsewhere may extend one of these."""

FLAT_TABLE = "timing"
"""dispatch.toml's table of single numbers; its keys are fields of `DispatchRules` itself."""

TOP = "(top level)"
_DECODED_AT = re.compile(r"\(at line (\d+), column \d+\)")
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]+)`")

T = TypeVar("T")


class PackError(ValueError):
    """A pack that may not be used. `file`, `line` and `key` say where; `why` says why.

    line: None when no line can be named (a file or a table that is missing altogether).
    """

    def __init__(self, file: str, key: str, why: str, line: int | None = None) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(f"{place}: {key}: {why}" if key else f"{place}: {why}")
        self.file = file
        self.key = key
        self.why = why
        self.line = line


@dataclass(frozen=True, slots=True)
class PackText:
    """One file of a pack: where it comes from as people see it, and what it says."""

    shown: str
    text: str


PackTexts = Mapping[str, PackText]
"""A whole pack by the names of its files; what it inherits is among them."""


@lru_cache(maxsize=64)
def load_pack(name: str, folder: Path = PACKS_FOLDER) -> Pack:
    """The pack called `name` from `folder`, validated and cached for the life of the process.

    Raises the first PackError of what is wrong: a missing or unreadable file, an unknown or missing
    key, a wrong type, or anything `checks` finds.
    """
    return read_pack(name, texts_of(name, folder))


def problems_of(name: str, folder: Path = PACKS_FOLDER) -> list[PackError]:
    """Everything that is wrong with a pack, for whoever writes one; empty: it loads."""
    try:
        own = _own_texts(folder / name)
    except PackError as error:
        return [error]
    return problems_in(name, own, folder)


def problems_in(name: str, own: PackTexts, folder: Path = PACKS_FOLDER) -> list[PackError]:
    """Everything that is wrong with a pack of these texts, inherited ones looked up in `folder`."""
    try:
        return _Reading(name, inherited(name, own, folder)).read()[1]
    except PackError as error:
        return [error]


def read_pack(name: str, texts: PackTexts) -> Pack:
    """A pack from its texts. Raises the first PackError of what is wrong with them."""
    pack, errors = _Reading(name, texts).read()
    if errors:
        raise errors[0]
    assert pack is not None, "a pack without errors was read"
    return pack


def read_kept_pack(name: str, texts: PackTexts) -> Pack:
    """A pack that was checked when it was stored: whatever a later program would find wrong with
    it, a case keeps the rules it began under. Raises PackError when it cannot be read at all."""
    reading = _Reading(name, texts)
    pack = reading.assemble()
    if pack is None:
        raise reading.errors[0]
    return pack


def shipped_packs(folder: Path = PACKS_FOLDER) -> tuple[str, ...]:
    """Names of the packs in `folder`, sorted."""
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{HEAD_FILE}")))


def texts_of(name: str, folder: Path = PACKS_FOLDER) -> dict[str, PackText]:
    """The texts of the pack `name` in `folder`, with what it inherits through `extends`.

    Raises PackError: no such pack, a circle, a file nobody knows, a file missing.
    """
    home = folder / name
    if not (home / HEAD_FILE).is_file():
        raise PackError(f"{name}/{HEAD_FILE}", "", "there is no such pack")
    return inherited(name, _own_texts(home), folder)


def inherited(
    name: str, own: PackTexts, folder: Path = PACKS_FOLDER, heirs: tuple[str, ...] = ()
) -> dict[str, PackText]:
    """A pack's own texts and, for files it leaves out, those of the pack it extends.

    Raises PackError as `texts_of` does.
    """
    for file, text in own.items():
        if file not in (HEAD_FILE, *BODY_FILES) and not (
            PROCESS_FILE.fullmatch(file) or TEMPLATE_FILE.fullmatch(file)
        ):
            raise PackError(text.shown, "", "is no file of a pack")
    if HEAD_FILE not in own:
        raise PackError(f"{name}/{HEAD_FILE}", "", "there is no such pack")
    head = _converted(own[HEAD_FILE], _toml(own[HEAD_FILE]), PackHead)
    texts: dict[str, PackText] = {}
    if head.extends is not None:
        if head.extends in (*heirs, name):
            raise _error(own[HEAD_FILE], "extends", "goes round in a circle")
        at = folder if (folder / head.extends / HEAD_FILE).is_file() else PACKS_FOLDER
        parent = at / head.extends
        if not (parent / HEAD_FILE).is_file():
            raise PackError(f"{head.extends}/{HEAD_FILE}", "", "there is no such pack")
        texts = inherited(head.extends, _own_texts(parent), at, (*heirs, name))
        for number, process in enumerate(head.without):
            if texts.pop(f"processes/{process}.toml", None) is None:
                raise _error(own[HEAD_FILE], f"without[{number}]", f"inherits no {process}")
    texts.update(own)
    for file in BODY_FILES:
        if file not in texts:
            raise PackError(f"{name}/{file}", "", "is missing and the pack extends no other")
    return texts


@dataclass
class _Reading:
    """One reading of a pack's texts, collecting what is wrong."""

    name: str
    texts: PackTexts
    errors: list[PackError] = field(default_factory=list)
    clauses: int = 0
    causes: int = 0
    """How many stand in clauses.toml; the others stand in clauses_cases.toml."""

    def read(self) -> tuple[Pack | None, list[PackError]]:
        pack = self.assemble()
        if pack is not None:
            found = findings_in(
                pack, first_file_clauses=self.clauses, first_file_causes=self.causes
            )
            self.errors += [self._found(finding) for finding in found]
        return pack, self.errors

    def assemble(self) -> Pack | None:
        head = self._body(HEAD_FILE, PackHead)
        if head is not None and head.name != self.name:
            self.errors.append(_error(self.texts[HEAD_FILE], "name", f"must be {self.name!r}"))
        sources: dict[str, str] = {}
        dispatch = self._dispatch(sources)
        script = self._body("safety_script.toml", SafetyScript)
        bodies: dict[str, Any] = {file: self._body(file, BODY_KINDS[file]) for file in BODY_KINDS}
        processes = [
            self._process(file) for file in sorted(self.texts) if PROCESS_FILE.fullmatch(file)
        ]
        if self.errors:
            return None
        assert head is not None, "whatever could not be read is among the errors"
        assert script is not None, "whatever could not be read is among the errors"
        assert dispatch is not None, "whatever could not be read is among the errors"
        clauses: ClausesFile = bodies["clauses.toml"]
        for_cases: ClausesFile = bodies["clauses_cases.toml"]
        classes: ClassesFile = bodies["classes.toml"]
        customers: CustomersFile = bodies["customers.toml"]
        roles: RolesFile = bodies["roles.toml"]
        channels: ChannelsFile = bodies["channels.toml"]
        documents: DocumentsFile = bodies["documents.toml"]
        forms: FormsFile = bodies["forms.toml"]
        fees: FeesFile = bodies["fees.toml"]
        notices: NoticesFile = bodies["notices.toml"]
        hours: HoursFile = bodies["hours.toml"]
        ratios: RatiosFile = bodies["ratios.toml"]
        orders: OrdersFile = bodies["orders.toml"]
        self.clauses, self.causes = len(clauses.clauses), len(clauses.causes)
        return Pack(
            head=head,
            version=f"{head.name}@{head.edition}+{digest_of(self.texts)[:12]}",
            class_rules=classes.rules,
            clauses=clauses.clauses + for_cases.clauses,
            causes=clauses.causes + for_cases.causes,
            safety_script=script,
            dispatch=dispatch,
            customer_classes=customers.classes,
            processes=tuple(process for process in processes if process is not None),
            roles=roles.roles,
            channels=channels.channels,
            documents=documents.documents,
            forms=forms.forms,
            templates={
                file.removeprefix("forms/").removesuffix(".html"): text.text
                for file, text in sorted(self.texts.items())
                if TEMPLATE_FILE.fullmatch(file)
            },
            fees=fees.fees,
            notices=notices.notices,
            quiet_hours=notices.quiet_hours,
            service_hours=hours.service,
            business_hours=hours.business,
            ratios=ratios.ratios,
            call_backs=ratios.call_backs,
            deferrals=documents.deferrals,
            order_needs=orders.needs,
            sources=sources,
            texts={file: text.text for file, text in sorted(self.texts.items())},
        )

    def _body(self, file: str, kind: type[T]) -> T | None:
        try:
            return _converted(self.texts[file], _toml(self.texts[file]), kind)
        except PackError as error:
            self.errors.append(error)
            return None

    def _process(self, file: str) -> Process | None:
        process = self._body(file, Process)
        if process is not None and file != f"processes/{process.id}.toml":
            # A pack's own process replaces the inherited one of the same file name.
            self.errors.append(_error(self.texts[file], "id", "must be the file's name"))
        return process

    def _dispatch(self, sources: dict[str, str]) -> DispatchRules | None:
        source = self.texts["dispatch.toml"]
        try:
            numbers, found = _take_sources(_toml(source), source)
            numbers.update(numbers.pop(FLAT_TABLE, {}))
            sources.update(found)
            return _converted(source, numbers, DispatchRules)
        except PackError as error:
            self.errors.append(error)
            return None

    def _found(self, finding: Finding) -> PackError:
        source = self.texts[finding.file]
        line = finding.line or _line(source, finding.key)
        return PackError(source.shown, finding.key, finding.why, line)


def digest_of(texts: PackTexts) -> str:
    """SHA-256 over every file's name and bytes, in hex: any changed byte is another edition."""
    digest = hashlib.sha256()
    for file in sorted(texts):
        digest.update(file.encode() + b"\0" + texts[file].text.encode() + b"\0")
    return digest.hexdigest()


def _own_texts(home: Path) -> dict[str, PackText]:
    """What lies in a pack's own folder."""
    texts: dict[str, PackText] = {}
    for pattern in ("*.toml", "processes/*", "forms/*"):
        for path in sorted(home.glob(pattern)):
            file = path.relative_to(home).as_posix()
            shown = f"{home.name}/{file}"
            try:
                texts[file] = PackText(shown, path.read_text(encoding="utf-8"))
            except UnicodeDecodeError as error:
                raise PackError(shown, "", str(error)) from error
    return texts


def _error(source: PackText, key: str, why: str) -> PackError:
    return PackError(source.shown, key, why, _line(source, key))


def _line(source: PackText, key: str) -> int | None:
    """Without a key there is no line to name, and the file need not be TOML."""
    if not key:
        return None
    return locate(source.text, key) or locate(source.text, f"{FLAT_TABLE}.{key}")


def _toml(source: PackText) -> dict[str, Any]:
    try:
        return tomllib.loads(source.text)
    except RecursionError as error:
        raise PackError(source.shown, "", "is nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, and numbers too long to be any.
        found = _DECODED_AT.search(str(error))
        line = int(found.group(1)) if found else None
        raise PackError(source.shown, "", str(error), line) from error


def _converted(source: PackText, raw: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at `$")
        key = where.rstrip("`").lstrip(".")
        unknown = _UNKNOWN_FIELD.search(why)
        wanted = f"{key}.{unknown.group(1)}" if unknown else key
        raise PackError(source.shown, key or TOP, why, _line(source, wanted)) from error


def _take_sources(
    raw: dict[str, Any], file: PackText, path: str = ""
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
            raise _error(file, dotted, "needs { value = …, source = … }")
        if "value" in entry:
            source = entry.get("source")
            if set(entry) != {"value", "source"} or not isinstance(source, str) or not source:
                raise _error(file, dotted, "needs exactly a value and a source")
            values[key] = entry["value"]
            sources[dotted] = source
        else:
            values[key], below = _take_sources(entry, file, dotted)
            sources.update(below)
    return values, sources


def as_texts(files: Mapping[str, str], label: str) -> dict[str, PackText]:
    """Texts that lie in no folder (an edition that was sent or stored), shown under `label`."""
    return {file: PackText(f"{label}/{file}", text) for file, text in files.items()}
